import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from redis.asyncio import Redis

from app.core.redis_batch import BatchedRedis, RedisUnavailableError, Script
from app.delivery.claims import Claim, Refusal
from app.delivery.keys import KeySpace
from app.delivery.leases import Leases
from support.claims import MakeClaims, claimed, origin


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


async def test_a_foreign_write_to_redis_grants_no_role(make_claims: MakeClaims, redis: Redis) -> None:
    claims = make_claims()
    admin = await claimed(claims, origin(1, chat=1002, user=1002))
    admin.context.new_identity = {"role": "admin"}
    await claims.commit(admin)
    of_admin = await redis.hget(admin.keys[3], "value")
    resident = await claimed(claims, origin(2))
    resident.context.new_identity = {"role": "applicant"}
    await claims.commit(resident)
    changed = (await redis.hget(resident.keys[3], "value") or b"").replace(b"applicant", b"admin")
    for number, forged in enumerate((b'{"role": "admin"}', of_admin, changed, b"junk", b"[]")):
        await redis.hset(resident.keys[3], "value", forged)
        claim = await claimed(claims, origin(10 + number))
        assert claim.context.identity is None, forged
        await claims.commit(claim)


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


async def test_a_clock_set_back_locks_a_chat_for_one_lease_only(make_claims: MakeClaims, redis: Redis) -> None:
    claims = make_claims(chat_lock_wait_seconds=0.01)
    first = await claimed(claims, origin(1))
    # Its end is a time of day for Redis, so it is now further away.
    await redis.pexpire(first.keys[0], 135_000)
    assert await claims.claim(origin(2), deadline=0) is Refusal.BUSY
    assert 0 < await redis.pttl(first.keys[0]) <= 15_000


class LosesReplies:
    """Runs scripts, but loses the reply of the claims that are named by number; keeps what was sent."""

    def __init__(self, batched: BatchedRedis, *lost: int) -> None:
        self._batched = batched
        self._lost = lost
        self.sent: list[tuple[Any, ...]] = []

    async def run(self, script: Script, keys: tuple[str, ...], *args: Any) -> Any:
        reply = await self._batched.run(script, keys, *args)
        if script.name == "claim":
            self.sent.append((script, keys, *args))
            if len(self.sent) in self._lost:
                raise RedisUnavailableError
        return reply

    async def close(self) -> None:
        await self._batched.close()


async def test_a_claim_whose_reply_was_lost_is_taken_over_by_its_next_sending(
    make_claims: MakeClaims, batched: BatchedRedis
) -> None:
    claims = make_claims()
    claims._redis = LosesReplies(batched, 1)
    claim = await claimed(claims, origin(1))
    assert await claims.commit(claim)


async def test_a_late_copy_of_a_claim_lets_nobody_overwrite_another_s_commit(
    make_claims: MakeClaims, batched: BatchedRedis, redis: Redis
) -> None:
    """A's claim is sent twice and the first copy held up; A's lease expires, B commits, then the copy arrives."""
    a, b = make_claims(), make_claims()
    a._redis = LosesReplies(batched, 1)
    of_a = await claimed(a, origin(1))
    await redis.delete(of_a.keys[0])
    of_b = await claimed(b, origin(2))
    of_b.context.state, of_b.context.fsm_changed = "Dialog:b", True
    assert await b.commit(of_b)
    late = a._redis.sent[0]
    assert (await batched.run(*late))[0] == b"ok"
    of_a.context.state, of_a.context.fsm_changed = "Dialog:a", True
    assert not await a.commit(of_a)
    assert await redis.hget(of_b.keys[2], "state") == b"Dialog:b"
    # What remains: nobody renews that lock, and it holds the chat for one lease.
    assert 0 < await redis.pttl(of_a.keys[0]) <= 15_000


async def test_a_replica_that_was_paused_for_a_lease_knows_it_without_redis(
    make_claims: MakeClaims, leases: Leases, clock: Any
) -> None:
    claims = make_claims()
    claim = await claimed(claims, origin(1))
    assert claim.context.holds_lock()
    clock.paused_for = 14
    await leases.renew()
    clock.paused_for = 28
    assert claim.context.holds_lock()
    clock.paused_for = 30
    assert not claim.context.holds_lock()


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
    make_claims: MakeClaims, leases: Leases, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = make_claims(lease_seconds=100)
    claim = await claimed(claims, origin())
    tries = 0

    async def run(*_arguments: Any) -> Any:
        nonlocal tries
        tries += 1
        clock.paused_for += 40
        raise RedisUnavailableError

    monkeypatch.setattr(BatchedRedis, "run", run)
    with pytest.raises(RedisUnavailableError):
        await claims.commit(claim)
    assert tries == 3
    assert leases._held == {}


async def test_a_dialogue_that_cannot_be_read_counts_as_none(make_claims: MakeClaims, redis: Redis) -> None:
    """Otherwise every update of the chat would fail, and so would every redelivery."""
    claims = make_claims()
    keys = KeySpace("bg", 42).of_update(origin())
    for number, (state, data) in enumerate([(b"Dialog:one", b"{"), (b"Dialog:one", b"[]"), (b"\xff", b'{"a":1}')]):
        await redis.hset(keys[2], mapping={"state": state, "data": data})
        claim = await claimed(claims, origin(number))
        assert (claim.context.state, claim.context.data) == (None, {}), (state, data)
        await claims.commit(claim)


async def test_an_identity_without_a_time_counts_as_none(make_claims: MakeClaims, redis: Redis) -> None:
    claims = make_claims()
    first = await claimed(claims, origin(1))
    first.context.new_identity = {"role": "manager"}
    await claims.commit(first)
    await redis.hdel(first.keys[3], "stored_at")
    assert (await claimed(claims, origin(2))).context.identity is None


async def test_a_commit_that_cannot_be_encoded_does_not_keep_the_chat_locked(
    make_claims: MakeClaims, leases: Leases
) -> None:
    claims = make_claims()
    claim = await claimed(claims, origin())
    claim.context.data, claim.context.fsm_changed = {"a": {1}}, True
    with pytest.raises(TypeError):
        await claims.commit(claim)
    assert leases._held == {}


async def test_a_commit_that_is_cancelled_does_not_keep_the_chat_locked(
    make_claims: MakeClaims, leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims = make_claims()
    claim = await claimed(claims, origin())
    sent = asyncio.Event()

    async def no_reply(*_arguments: Any) -> Any:
        sent.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(BatchedRedis, "run", no_reply)
    committing = asyncio.create_task(claims.commit(claim))
    await sent.wait()
    committing.cancel()
    await asyncio.wait({committing})
    assert leases._held == {}
