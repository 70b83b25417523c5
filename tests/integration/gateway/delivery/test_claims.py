import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from app.core.redis_batch import BatchedRedis, RedisUnavailableError
from app.delivery.claims import Claim, Claims, Refusal
from app.delivery.keys import KeySpace, UpdateOrigin
from app.delivery.leases import Leases

MakeClaims = Callable[..., Claims]


def origin(update_id: int = 1, chat: int = 1001, user: int = 1001) -> UpdateOrigin:
    return UpdateOrigin(update_id, chat, "private", user)


async def claimed(claims: Claims, of: UpdateOrigin) -> Claim:
    claim = await claims.claim(of, deadline=0)
    assert isinstance(claim, Claim), claim
    return claim


async def test_what_a_commit_writes_the_next_claim_finds(make_claims: MakeClaims) -> None:
    claims = make_claims()
    first = await claimed(claims, origin(1))
    assert (first.context.state, first.context.data, first.context.identity) == (None, {}, None)
    first.context.state, first.context.data, first.context.fsm_changed = "Dialog:one", {"a": [1, "ш"]}, True
    first.context.new_identity = {"role": "manager", "name": "Ойбек"}
    assert await claims.commit(first)
    second = await claimed(claims, origin(2))
    assert (second.context.state, second.context.data) == ("Dialog:one", {"a": [1, "ш"]})
    assert second.context.identity is not None
    assert second.context.identity.value == {"role": "manager", "name": "Ойбек"}
    assert second.context.identity.stored_at > 1_700_000_000


async def test_a_handled_update_is_a_duplicate(make_claims: MakeClaims) -> None:
    claims = make_claims()
    await claims.commit(await claimed(claims, origin(1)))
    assert await claims.claim(origin(1), deadline=0) is Refusal.DUPLICATE


async def test_a_claim_without_commit_is_not_done(make_claims: MakeClaims) -> None:
    claims = make_claims()
    await claims.release(await claimed(claims, origin(1)))
    await claimed(claims, origin(1))


async def test_one_update_of_a_chat_at_a_time(make_claims: MakeClaims) -> None:
    claims = make_claims(chat_lock_wait_seconds=0.03)
    await claimed(claims, origin(1))
    assert await claims.claim(origin(2), deadline=0) is Refusal.BUSY
    await claimed(claims, origin(3, chat=1002, user=1002))


async def test_a_claim_that_waits_for_the_chat_lock_gets_it_when_it_is_released(
    make_claims: MakeClaims, sample: Callable[..., float]
) -> None:
    claims = make_claims(chat_lock_wait_seconds=5)
    first = await claimed(claims, origin(1))
    attempts = sample("redis_operations_total", operation="claim", status="success")
    waiting = asyncio.create_task(claims.claim(origin(2), deadline=0))
    while sample("redis_operations_total", operation="claim", status="success") == attempts:  # noqa: ASYNC110 - a counter
        await asyncio.sleep(0)
    await claims.commit(first)
    assert isinstance(await waiting, Claim)


async def test_a_lost_chat_lock_writes_nothing(make_claims: MakeClaims, redis: Redis) -> None:
    claims = make_claims()
    slow = await claimed(claims, origin(1))
    await redis.delete(slow.keys[0])
    other = await claimed(claims, origin(1))
    slow.context.state, slow.context.fsm_changed = "Dialog:slow", True
    assert not await claims.commit(slow)
    assert not await redis.exists(slow.keys[2])
    other.context.state, other.context.fsm_changed = "Dialog:other", True
    assert await claims.commit(other)
    assert await redis.hget(slow.keys[2], "state") == b"Dialog:other"


async def test_a_commit_whose_reply_was_lost_may_be_retried(make_claims: MakeClaims, redis: Redis) -> None:
    claims = make_claims()
    claim = await claimed(claims, origin(1))
    claim.context.state, claim.context.fsm_changed = "Dialog:one", True
    assert await claims.commit(claim)
    assert await claims.commit(claim)
    assert await redis.zcard(claim.keys[1]) == 1


async def test_the_last_32_updates_are_remembered_in_order_of_commit(make_claims: MakeClaims, redis: Redis) -> None:
    claims = make_claims(rate_limit_burst=100)
    for update_id in [*range(100, 140), 5]:
        claim = await claimed(claims, origin(update_id))
        await claims.commit(claim)
        # Scores are milliseconds of the server; one a commit keeps the order of a real chat.
        await redis.zadd(claim.keys[1], {str(update_id): 1_700_000_000_000 + claims_so_far(update_id)})
    assert await redis.zcard(claim.keys[1]) == 32
    assert await claims.claim(origin(5), deadline=0) is Refusal.DUPLICATE
    assert await claims.claim(origin(139), deadline=0) is Refusal.DUPLICATE
    assert isinstance(await claims.claim(origin(100), deadline=0), Claim)


def claims_so_far(update_id: int) -> int:
    return 40 if update_id == 5 else update_id - 100


async def test_forget_leaves_nothing_of_the_user(make_claims: MakeClaims, redis: Redis) -> None:
    claims = make_claims()
    first = await claimed(claims, origin(1))
    first.context.state, first.context.fsm_changed = "Dialog:one", True
    first.context.new_identity = {"role": "applicant"}
    await claims.commit(first)
    second = await claimed(claims, origin(2))
    second.context.forget = True
    second.context.new_identity = {"role": "applicant"}
    await claims.commit(second)
    assert sorted(await redis.keys("*")) == [second.keys[1].encode()]


async def test_leaving_a_dialogue_removes_it(make_claims: MakeClaims, redis: Redis) -> None:
    claims = make_claims()
    first = await claimed(claims, origin(1))
    first.context.state, first.context.data, first.context.fsm_changed = "Dialog:one", {"a": 1}, True
    await claims.commit(first)
    second = await claimed(claims, origin(2))
    second.context.state, second.context.data, second.context.fsm_changed = None, {}, True
    await claims.commit(second)
    assert not await redis.exists(second.keys[2])


async def test_everything_that_is_kept_runs_out(make_claims: MakeClaims, redis: Redis) -> None:
    claims = make_claims()
    first = await claimed(claims, origin(1))
    first.context.state, first.context.fsm_changed = "Dialog:one", True
    first.context.new_identity = {"role": "applicant"}
    assert 0 < await redis.pttl(first.keys[0]) <= 15_000
    await claims.commit(first)
    kept = await redis.keys("*")
    assert len(kept) == 4
    assert [key for key in kept if await redis.pttl(key) <= 0] == []


async def test_all_keys_of_an_update_share_a_slot(redis: Redis) -> None:
    keys = KeySpace("bg", 42).of_update(origin())
    assert len({key[key.index("{") : key.index("}")] for key in keys}) == 1


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


async def test_an_unreachable_redis_is_said(make_claims: MakeClaims, monkeypatch: pytest.MonkeyPatch) -> None:
    claims = make_claims()
    tries = 0

    async def run(*_arguments: Any) -> Any:
        nonlocal tries
        tries += 1
        raise RedisUnavailableError

    monkeypatch.setattr(BatchedRedis, "run", run)
    with pytest.raises(RedisUnavailableError):
        await claims.claim(origin(), deadline=0)
    assert tries == 2


async def test_a_commit_is_tried_until_the_lease_is_over(
    make_claims: MakeClaims, leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = make_claims(lease_seconds=0.05)
    claim = await claimed(claims, origin())
    tries = 0

    async def run(*_arguments: Any) -> Any:
        nonlocal tries
        tries += 1
        raise RedisUnavailableError

    monkeypatch.setattr(BatchedRedis, "run", run)
    with pytest.raises(RedisUnavailableError):
        await claims.commit(claim)
    assert tries > 2
    assert leases._held == {}
