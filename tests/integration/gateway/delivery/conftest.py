"""Claims over a real Redis."""

from collections.abc import Callable

import pytest

from app.core.redis_batch import BatchedRedis
from app.core.settings import Settings
from app.delivery.claims import Claims, load_script
from app.delivery.keys import KeySpace
from app.delivery.leases import Leases


@pytest.fixture
def leases(batched: BatchedRedis) -> Leases:
    return Leases(batched, load_script("renew"), lease_seconds=15)


@pytest.fixture
def make_claims(batched: BatchedRedis, leases: Leases, make_settings: Callable[..., Settings]) -> Callable[..., Claims]:
    def make(**settings: float) -> Claims:
        return Claims(batched, KeySpace("bg", 42), leases, make_settings(**settings))

    return make
