import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiogram.types import Update
from redis.asyncio import Redis
from redis.exceptions import ResponseError
from structlog.testing import capture_logs

from app.core.activity import Activity
from app.core.redis_batch import BatchedRedis, RedisUnavailableError
from app.delivery.claims import Claims
from app.delivery.context import LeaseExpiredError, UpdateContext, current_update, require_update
from app.delivery.first_delivery import FirstDeliveries
from app.delivery.keys import KeySpace
from app.delivery.leases import Leases
from app.delivery.pipeline import Outcome, Pipeline

Sample = Callable[..., float]
Handler = Callable[[Update, UpdateContext], Awaitable[None]]


def update(update_id: int = 1) -> Update:
    user = {"id": 1001, "is_bot": False, "first_name": "A"}
    message = {"message_id": 1, "date": 0, "chat": {"id": 1001, "type": "private"}, "from": user, "text": "a"}
    return Update.model_validate({"update_id": update_id, "message": message})


def button() -> Update:
    user = {"id": 1001, "is_bot": False, "first_name": "A"}
    message = {"message_id": 1, "date": 1, "chat": {"id": 1001, "type": "private"}}
    query = {"id": "1", "from": user, "chat_instance": "1", "data": "ro:1:1", "message": message}
    return Update.model_validate({"update_id": 9, "callback_query": query})


@pytest.fixture
def make_pipeline(make_claims: Callable[..., Claims], batched: BatchedRedis) -> Callable[..., Pipeline]:
    def make(
        handler: Handler, deadline_seconds: float = 45, notify_deadline: Handler = nothing, **settings: float
    ) -> Pipeline:
        def in_context(run: Handler) -> Callable[[Update], Awaitable[None]]:
            return lambda update: run(update, require_update())

        activity = Activity(batched, "bg:42", states=["Dialog:one"], session_ttl=1800, fsm_ttl=86_400)
        return Pipeline(
            make_claims(**settings),
            in_context(handler),
            activity,
            FirstDeliveries(batched, KeySpace("bg", 42)),
            notify_deadline=in_context(notify_deadline),
            deadline_seconds=deadline_seconds,
            known_states=frozenset({"Dialog:one"}),
        )

    return make


async def keep() -> bool:
    return True


async def nothing(_update: Update, _context: UpdateContext) -> None:
    pass


async def step(_update: Update, context: UpdateContext) -> None:
    assert current_update.get() is context
    context.state, context.fsm_changed = "Dialog:one", True


async def fail(_update: Update, context: UpdateContext) -> None:
    context.state, context.data, context.fsm_changed = "Dialog:one", {"half": "done"}, True
    raise ValueError("a bug")


async def test_an_update_is_handled_once(make_pipeline: Callable[..., Pipeline], sample: Sample) -> None:
    before = sample("duplicate_updates_total")
    pipeline = make_pipeline(nothing)
    assert await pipeline.handle(update(), "text", keep) is Outcome.HANDLED
    assert await pipeline.handle(update(), "text", keep) is Outcome.DUPLICATE
    assert sample("duplicate_updates_total") == before + 1
    assert current_update.get() is None


async def test_an_update_whose_user_got_an_error_message_is_degraded(make_pipeline: Callable[..., Pipeline]) -> None:
    async def degrade(_update: Update, context: UpdateContext) -> None:
        context.degraded = True

    pipeline = make_pipeline(degrade)
    assert await pipeline.handle(update(), "text", keep) is Outcome.DEGRADED
    assert await pipeline.handle(update(), "text", keep) is Outcome.DUPLICATE, "it is handled: nobody sends it again"


async def test_the_end_to_end_latency_counts_from_telegram_s_date(
    make_pipeline: Callable[..., Pipeline], sample: Sample
) -> None:
    before = sample("update_end_to_end_duration_seconds_sum")
    sent = update()
    assert sent.message is not None
    late = sent.message.model_copy(update={"date": datetime.now(UTC) - timedelta(seconds=100)})
    await make_pipeline(nothing).handle(sent.model_copy(update={"message": late}), "text", keep)
    assert 100 <= sample("update_end_to_end_duration_seconds_sum") - before < 160


async def test_a_redelivered_button_counts_from_its_first_delivery(
    make_pipeline: Callable[..., Pipeline], redis: Redis, sample: Sample
) -> None:
    """A button has no date. The first delivery finds the chat locked, the second comes to another replica."""
    await redis.set("bg:{42:1001}:lane", "another")
    first = make_pipeline(nothing, chat_lock_wait_seconds=0.01)
    assert await first.handle(button(), "callback_query", keep) is Outcome.BUSY
    key = "bg:42:first:9"
    await redis.set(key, int(await redis.get(key)) - 30_000, keepttl=True)
    assert 0 < await redis.pttl(key) <= 15 * 60 * 1000
    await redis.delete("bg:{42:1001}:lane")
    before, count = (sample(f"update_end_to_end_duration_seconds_{part}") for part in ("sum", "count"))
    assert await make_pipeline(nothing).handle(button(), "callback_query", keep) is Outcome.HANDLED
    assert 30 <= sample("update_end_to_end_duration_seconds_sum") - before < 60
    assert sample("update_end_to_end_duration_seconds_count") == count + 1


async def test_a_step_of_a_dialogue_is_counted_when_it_is_written(
    make_pipeline: Callable[..., Pipeline], redis: Redis, sample: Sample
) -> None:
    labels = {"from_state": "none", "to_state": "Dialog:one"}
    before = sample("fsm_state_transitions_total", **labels)
    await make_pipeline(step).handle(update(), "text", keep)
    assert sample("fsm_state_transitions_total", **labels) == before + 1
    assert await redis.hget("bg:{42:1001}:fsm:1001", "state") == b"Dialog:one"


async def test_a_failed_handler_leaves_the_dialogue_as_it_was(
    make_pipeline: Callable[..., Pipeline], redis: Redis
) -> None:
    pipeline = make_pipeline(fail)
    assert await pipeline.handle(update(), "text", keep) is Outcome.FAILED
    assert not await redis.exists("bg:{42:1001}:fsm:1001")
    assert await pipeline.handle(update(), "text", keep) is Outcome.DUPLICATE


async def test_a_failed_update_is_stored_as_a_dead_letter_before_its_commit(
    make_pipeline: Callable[..., Pipeline],
) -> None:
    async def die() -> bool:
        raise asyncio.CancelledError

    pipeline = make_pipeline(fail)
    with pytest.raises(asyncio.CancelledError):
        await pipeline.handle(update(), "text", die)
    # Nothing was committed, so it is handled once more.
    assert await pipeline.handle(update(), "text", keep) is Outcome.FAILED


async def test_a_failed_update_that_cannot_be_stored_as_a_dead_letter_is_redelivered(
    make_pipeline: Callable[..., Pipeline],
) -> None:
    async def without_redis() -> bool:
        return False

    pipeline = make_pipeline(fail)
    assert await pipeline.handle(update(), "text", without_redis) is Outcome.UNAVAILABLE
    assert await pipeline.handle(update(), "text", keep) is Outcome.FAILED
    assert await pipeline.handle(update(), "text", keep) is Outcome.DUPLICATE


async def test_the_deadline_ends_a_handler(make_pipeline: Callable[..., Pipeline], sample: Sample) -> None:
    async def hang(_update: Update, _context: UpdateContext) -> None:
        await asyncio.Event().wait()

    told: list[int] = []

    async def notify_deadline(update: Update, context: UpdateContext) -> None:
        assert current_update.get() is context
        told.append(update.update_id)

    before = sample("errors_total", error_type="deadline", severity="error")
    pipeline = make_pipeline(hang, deadline_seconds=0.05, notify_deadline=notify_deadline)
    assert await pipeline.handle(update(), "text", keep) is Outcome.FAILED
    assert sample("errors_total", error_type="deadline", severity="error") == before + 1
    assert told == [1]


async def test_a_failure_that_comes_with_the_deadline_was_told_already(make_pipeline: Callable[..., Pipeline]) -> None:
    async def fail_late(_update: Update, _context: UpdateContext) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            raise ValueError("a bug") from None

    told: list[int] = []

    async def notify_deadline(update: Update, _context: UpdateContext) -> None:
        told.append(update.update_id)

    pipeline = make_pipeline(fail_late, deadline_seconds=0.05, notify_deadline=notify_deadline)
    assert await pipeline.handle(update(), "text", keep) is Outcome.FAILED
    assert told == []


async def test_a_cancelled_update_is_released(make_pipeline: Callable[..., Pipeline], redis: Redis) -> None:
    started = asyncio.Event()

    async def hang(_update: Update, _context: UpdateContext) -> None:
        started.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(make_pipeline(hang).handle(update(), "text", keep))
    await started.wait()
    task.cancel()
    await asyncio.wait({task})
    assert not await redis.exists("bg:{42:1001}:lane")
    assert await make_pipeline(nothing).handle(update(), "text", keep) is Outcome.HANDLED


async def test_a_busy_chat_and_a_lost_chat_lock_are_redelivered(
    make_pipeline: Callable[..., Pipeline], redis: Redis
) -> None:
    async def lose_the_lock(_update: Update, _context: UpdateContext) -> None:
        assert await make_pipeline(nothing, chat_lock_wait_seconds=0.01).handle(update(2), "text", keep) is Outcome.BUSY
        await redis.set("bg:{42:1001}:lane", "another")

    assert await make_pipeline(lose_the_lock).handle(update(), "text", keep) is Outcome.BUSY


async def test_without_redis_nothing_is_handled(
    make_pipeline: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch, sample: Sample
) -> None:
    async def run(*_arguments: Any) -> Any:
        raise RedisUnavailableError

    handled = []

    async def handler(_update: Update, _context: UpdateContext) -> None:
        handled.append(1)

    pipeline = make_pipeline(handler)
    monkeypatch.setattr(BatchedRedis, "run", run)
    before = sample("errors_total", error_type="redis_unavailable", severity="error")
    assert await pipeline.handle(update(), "text", keep) is Outcome.UNAVAILABLE
    assert handled == []
    assert sample("errors_total", error_type="redis_unavailable", severity="error") == before + 1


async def test_an_update_whose_lease_expired_sends_nothing_and_becomes_no_dead_letter(
    make_pipeline: Callable[..., Pipeline], clock: Any, redis: Redis
) -> None:
    """The replica was paused inside its handler: another one has the update by now, or will."""
    stored: list[bool] = []

    async def store() -> bool:
        stored.append(True)
        return True

    async def pause(_update: Update, context: UpdateContext) -> None:
        clock.paused_for = 17
        await redis.delete("bg:{42:1001}:lane")
        assert not context.holds_lock()
        raise LeaseExpiredError

    assert await make_pipeline(pause).handle(update(), "text", store) is Outcome.BUSY
    assert stored == []
    assert await make_pipeline(nothing).handle(update(), "text", keep) is Outcome.HANDLED


@pytest.mark.parametrize("step", ["claim", "commit"])
async def test_a_refusal_that_nobody_expects_is_a_redelivery_too(
    make_pipeline: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    real = BatchedRedis.run

    async def run(self: BatchedRedis, script: Any, *arguments: Any) -> Any:
        if script.name == step:
            raise ResponseError("ERR something new")
        return await real(self, script, *arguments)

    monkeypatch.setattr(BatchedRedis, "run", run)
    with capture_logs() as logs:
        assert await make_pipeline(nothing).handle(update(), "text", keep) is Outcome.UNAVAILABLE
    assert [entry["event"] for entry in logs] == ["redis_refused"]


class AwayShard:
    """The shard of the first deliveries is failing over while the chat's shard works."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    async def at(self, _update_id: int) -> float:
        # After the claim has got its lock.
        await asyncio.sleep(0.05)
        raise self._error


async def test_a_shard_that_is_away_for_the_measurement_alone_does_not_lose_the_update(
    make_pipeline: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = make_pipeline(nothing)
    monkeypatch.setattr(pipeline, "_first_deliveries", AwayShard(RedisUnavailableError("Redis: away")))
    assert await pipeline.handle(button(), "callback_query", keep) is Outcome.HANDLED


async def test_an_update_that_is_cancelled_during_the_measurement_releases_its_chat_lock(
    make_pipeline: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch, leases: Leases, redis: Redis
) -> None:
    pipeline = make_pipeline(nothing)
    monkeypatch.setattr(pipeline, "_first_deliveries", AwayShard(asyncio.CancelledError()))
    with pytest.raises(asyncio.CancelledError):
        await pipeline.handle(button(), "callback_query", keep)
    await leases.renew()
    assert await redis.keys("*lane*") == []
