import time

from redis.asyncio import Redis

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
