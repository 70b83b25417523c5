import asyncio
import time
from typing import Any

from redis.asyncio import Redis
from structlog.testing import capture_logs

from app.delivery.claims import load_script
from app.delivery.keys import Token
from app.delivery.leases import Leases


async def test_a_held_chat_lock_is_renewed(leases: Leases, redis: Redis) -> None:
    await redis.set("lock", "mine", px=1_000)
    leases.add("lock", Token("mine"), since=time.monotonic())
    await leases.renew()
    assert await redis.pttl("lock") > 10_000


async def test_a_chat_lock_of_another_holder_is_left_alone_and_dropped(leases: Leases, redis: Redis) -> None:
    await redis.set("lock", "theirs", px=1_000)
    leases.add("lock", Token("mine"), since=time.monotonic())
    await leases.renew()
    assert await redis.pttl("lock") <= 1_000
    assert leases._held == {}


async def test_a_dropped_chat_lock_is_not_renewed(leases: Leases, redis: Redis) -> None:
    await redis.set("lock", "mine", px=1_000)
    leases.add("lock", Token("mine"), since=time.monotonic())
    leases.drop(Token("mine"))
    await leases.renew()
    assert await redis.pttl("lock") <= 1_000


async def test_a_chat_lock_that_nobody_drops_is_not_renewed_for_ever(leases: Leases, redis: Redis, clock: Any) -> None:
    await redis.set("lock", "mine", px=1_000)
    leases.add("lock", Token("mine"), since=clock())
    clock.paused_for = 121
    with capture_logs() as logs:
        await leases.renew()
    assert await redis.pttl("lock") <= 1_000
    assert [entry["event"] for entry in logs] == ["lease_never_dropped"]


class BrokenOnce:
    """Raises what nobody expects at the first renewal."""

    def __init__(self) -> None:
        self.renewed = asyncio.Event()
        self._broken = True

    async def run(self, *_arguments: Any) -> int:
        if self._broken:
            self._broken = False
            raise KeyError("slot")
        self.renewed.set()
        return 1

    async def close(self) -> None:
        """Nothing to close."""


async def test_an_unexpected_failure_does_not_end_the_renewal_of_all_leases() -> None:
    redis = BrokenOnce()
    leases = Leases(redis, load_script("renew"), lease_seconds=0.03, longest_seconds=120)
    leases.add("lock", Token("mine"), since=time.monotonic())
    leases.start()
    try:
        await asyncio.wait_for(redis.renewed.wait(), 10)
    finally:
        await leases.stop()
