from redis.asyncio import Redis

from app.delivery.keys import Token
from app.delivery.leases import Leases


async def test_a_held_lane_is_renewed(leases: Leases, redis: Redis) -> None:
    await redis.set("lane", "mine", px=1_000)
    leases.keep("lane", Token("mine"))
    await leases.renew()
    assert await redis.pttl("lane") > 10_000


async def test_a_lane_of_someone_else_is_left_alone_and_forgotten(leases: Leases, redis: Redis) -> None:
    await redis.set("lane", "theirs", px=1_000)
    leases.keep("lane", Token("mine"))
    await leases.renew()
    assert await redis.pttl("lane") <= 1_000
    assert leases._held == {}


async def test_a_dropped_lane_is_not_renewed(leases: Leases, redis: Redis) -> None:
    await redis.set("lane", "mine", px=1_000)
    leases.keep("lane", Token("mine"))
    leases.drop(Token("mine"))
    await leases.renew()
    assert await redis.pttl("lane") <= 1_000
