"""Claims over a real Redis."""

import time
from collections.abc import Callable

import pytest

from app.core.redis_batch import BatchedRedis
from app.core.settings import Settings
from app.delivery.claims import Claims, load_script
from app.delivery.keys import KeySpace
from app.delivery.leases import Leases


class Clock:
    """A monotonic clock that a test may advance, as a process that was paused finds it."""

    def __init__(self) -> None:
        self.paused_for = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.paused_for


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def leases(batched: BatchedRedis, clock: Clock) -> Leases:
    return Leases(batched, load_script("renew"), lease_seconds=15, longest_seconds=120, monotonic=clock)


@pytest.fixture
def make_claims(
    batched: BatchedRedis, leases: Leases, clock: Clock, make_settings: Callable[..., Settings]
) -> Callable[..., Claims]:
    def make(**settings: float) -> Claims:
        return Claims(batched, KeySpace("bg", 42), leases, make_settings(**settings), clock)

    return make
