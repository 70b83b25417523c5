from collections.abc import Iterable

from redis.asyncio import Redis

from app.delivery.claims import Claim, Claims, Refusal
from app.delivery.keys import KeySpace
from support.claims import MakeClaims, claimed, origin


async def commit_all(claims: Claims, redis: Redis, update_ids: Iterable[int], *, seconds_ago: float) -> None:
    """Commit updates of one chat; Redis then remembers them as if that long ago, a millisecond apart."""
    first = (await redis.time())[0] * 1000 - int(seconds_ago * 1000)
    for number, update_id in enumerate(update_ids):
        claim = await claimed(claims, origin(update_id))
        await claims.commit(claim)
        await redis.zadd(claim.keys[1], {str(update_id): first + number})


async def is_remembered(claims: Claims, update_id: int) -> bool:
    claim = await claims.claim(origin(update_id), deadline=0)
    if isinstance(claim, Claim):
        await claims.release(claim)
    return claim is Refusal.DUPLICATE


async def test_the_last_32_updates_are_remembered_in_order_of_commit(make_claims: MakeClaims, redis: Redis) -> None:
    claims = make_claims(rate_limit_burst=100)
    # The last one was redelivered late: its id is the lowest, its commit the newest.
    await commit_all(claims, redis, [*range(100, 140), 5], seconds_ago=3600)
    await claims.commit(await claimed(claims, origin(200)))
    assert await redis.zcard(KeySpace("bg", 42).of_update(origin())[1]) == 32
    assert [await is_remembered(claims, number) for number in (5, 139, 200, 110, 109)] == [True] * 4 + [False]


async def test_updates_of_the_last_ten_minutes_are_remembered_however_many_followed(
    make_claims: MakeClaims, redis: Redis
) -> None:
    claims = make_claims(rate_limit_burst=1000)
    await commit_all(claims, redis, range(1, 51), seconds_ago=700)
    await commit_all(claims, redis, range(100, 200), seconds_ago=500)
    await claims.commit(await claimed(claims, origin(300)))
    assert await is_remembered(claims, 100)
    assert not await is_remembered(claims, 50)
    assert await redis.zcard(KeySpace("bg", 42).of_update(origin())[1]) == 101


async def test_no_more_than_2000_updates_of_a_chat_are_remembered(make_claims: MakeClaims, redis: Redis) -> None:
    claims = make_claims()
    done = KeySpace("bg", 42).of_update(origin())[1]
    now = (await redis.time())[0] * 1000
    await redis.zadd(done, {str(number): now - 5000 + number for number in range(2500)})
    await claims.commit(await claimed(claims, origin(9000)))
    assert await redis.zcard(done) == 2000
    assert await redis.memory_usage(done) < 200_000
    assert await is_remembered(claims, 9000)
    assert await is_remembered(claims, 2499)
    assert not await is_remembered(claims, 500)


async def test_a_release_that_remembers_32_updates_may_run_beside_this_one(
    make_claims: MakeClaims, redis: Redis
) -> None:
    """What the former commit script did to the memory; the next commit goes on from there."""
    claims = make_claims(rate_limit_burst=100)
    done = KeySpace("bg", 42).of_update(origin())[1]
    await commit_all(claims, redis, range(1, 51), seconds_ago=10)
    await redis.zremrangebyrank(done, 0, -33)
    await claims.commit(await claimed(claims, origin(60)))
    assert await redis.zcard(done) == 33
    assert [await is_remembered(claims, number) for number in (18, 19, 60)] == [False, True, True]


async def test_a_clock_set_back_makes_no_update_new_again(make_claims: MakeClaims, redis: Redis) -> None:
    """Its commits would be the oldest of all, and evicted at once."""
    claims = make_claims(rate_limit_burst=100)
    await commit_all(claims, redis, range(1, 41), seconds_ago=-120)
    for update_id in range(50, 60):
        await claims.commit(await claimed(claims, origin(update_id)))
    assert [await is_remembered(claims, number) for number in (40, 50, 59)] == [True] * 3
