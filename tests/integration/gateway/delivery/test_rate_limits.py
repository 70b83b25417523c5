from redis.asyncio import Redis

from app.delivery.claims import Claims
from app.delivery.keys import KeySpace, UpdateOrigin
from support.claims import MakeClaims, claimed, origin


async def test_a_clock_set_back_stops_nobody_s_rate_limit_and_warns(make_claims: MakeClaims, redis: Redis) -> None:
    claims = make_claims(rate_limit_burst=2, rate_limit_per_second=1)
    bucket = KeySpace("bg", 42).of_update(origin())[4]
    ahead = ((await redis.time())[0] + 120) * 1000
    await redis.hset(bucket, mapping={"tokens": 2, "at": ahead, "warned_at": ahead})
    assert [await rate(claims, number) for number in (1, 2, 3)] == [(True, False), (True, False), (False, True)]


async def test_a_user_has_one_rate_limit_over_all_groups(make_claims: MakeClaims) -> None:
    claims = make_claims(rate_limit_burst=20, rate_limit_per_second=0.001)
    decisions = []
    for number in range(100):
        claim = await claimed(claims, UpdateOrigin(number, -1 - number % 20, "group", 1001))
        decisions.append(claim.context.rate)
        await claims.commit(claim)
    assert sum(decision.allowed for decision in decisions) == 20
    assert sum(decision.warn for decision in decisions) == 1
    # The same bucket as in the private chat; another user's is another.
    assert await rate(claims, 1000) == (False, False)
    other = await claimed(claims, UpdateOrigin(1001, -1, "group", 1002))
    assert other.context.rate.allowed


async def rate(claims: Claims, update_id: int) -> tuple[bool, bool]:
    claim = await claimed(claims, origin(update_id))
    await claims.commit(claim)
    return claim.context.rate.allowed, claim.context.rate.warn


async def test_a_user_over_the_limit_is_warned_once_a_window(make_claims: MakeClaims, redis: Redis) -> None:
    claims = make_claims(rate_limit_burst=3, rate_limit_per_second=0.001)
    decisions = [await rate(claims, update_id) for update_id in range(6)]
    assert decisions == [(True, False)] * 3 + [(False, True)] + [(False, False)] * 2
    bucket = KeySpace("bg", 42).of_update(origin())[4]
    await redis.hset(bucket, "warned_at", int(await redis.hget(bucket, "warned_at") or 0) - 61_000)
    assert await rate(claims, 7) == (False, True)


async def test_a_bucket_fills_again_with_time(make_claims: MakeClaims, redis: Redis) -> None:
    claims = make_claims(rate_limit_burst=1, rate_limit_per_second=1)
    bucket = KeySpace("bg", 42).of_update(origin())[4]
    assert await rate(claims, 1) == (True, False)
    assert await rate(claims, 2) == (False, True)
    await redis.hset(bucket, "at", int(float(await redis.hget(bucket, "at") or 0)) - 1_000)
    assert await rate(claims, 3) == (True, False)


async def test_staff_may_send_more(make_claims: MakeClaims, redis: Redis) -> None:
    claims = make_claims(rate_limit_burst=2, rate_limit_per_second=0.001, rate_limit_staff_factor=3)
    first = await claimed(claims, origin(1))
    first.context.new_identity = {"role": "executor"}
    await claims.commit(first)
    await redis.delete(first.keys[4])
    allowed = [(await rate(claims, update_id))[0] for update_id in range(2, 12)]
    assert allowed.count(True) == 6
