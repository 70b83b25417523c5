import asyncio
import contextlib
from typing import Any

import orjson
import pytest
from aiogram import Bot
from redis.asyncio import Redis

from app.core.election import Election
from app.delivery.pipeline import Outcome
from app.telegram import polling
from app.telegram.polling import Polling

DONE = (200, {"ok": True, "result": True})


def message(update_id: int, chat: int) -> dict[str, Any]:
    return {"update_id": update_id, "message": {"message_id": 1, "date": 0, "chat": {"id": chat, "type": "private"}}}


def batch(*updates: dict[str, Any]) -> tuple[int, Any]:
    return 200, {"ok": True, "result": list(updates)}


class IntakeStub:
    """Notes what it is given; `outcomes` are given first."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.outcomes: list[Outcome] = []

    async def take(self, body: bytes) -> Outcome:
        self.taken.append(body)
        return self.outcomes.pop(0) if self.outcomes else Outcome.HANDLED


@pytest.fixture
def intake() -> IntakeStub:
    return IntakeStub()


@pytest.fixture
def poll(bot: Bot, redis: Redis, intake: IntakeStub) -> Polling:
    election = Election(redis, "elect", seconds=60)
    return Polling(bot, intake, election, allowed_updates=["message"])  # type: ignore[arg-type]  # a stub


async def test_a_batch_is_confirmed_only_after_it_is_handled(poll: Polling, bot_api: Any, intake: IntakeStub) -> None:
    bot_api.responses = [DONE, batch(message(5, 1), message(6, 2)), batch()]
    await poll.poll_once()
    assert [name for name, _ in bot_api.calls] == ["deleteWebhook", "getUpdates"]
    assert bot_api.calls[0][1] == {"drop_pending_updates": False}
    assert "offset" not in bot_api.calls[1][1]
    assert len(intake.taken) == 2
    await poll.poll_once()
    assert bot_api.calls[2][1]["offset"] == 7


async def test_an_update_of_an_unknown_kind_does_not_block_the_others(
    poll: Polling, bot_api: Any, intake: IntakeStub
) -> None:
    bot_api.responses = [DONE, batch({"update_id": 5, "from_the_future": {"a": []}}, message(6, 2))]
    await poll.poll_once()
    assert len(intake.taken) == 2


async def test_an_update_that_cannot_be_handled_now_is_tried_again_before_those_behind_it(
    poll: Polling, bot_api: Any, intake: IntakeStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def no_wait(_seconds: float) -> None:
        pass

    monkeypatch.setattr(polling.asyncio, "sleep", no_wait)
    intake.outcomes = [Outcome.UNAVAILABLE, Outcome.BUSY]
    bot_api.responses = [DONE, batch(message(5, 1), message(6, 1))]
    await poll.poll_once()
    ids = [b'"update_id":5' in body for body in intake.taken]
    assert ids == [True, True, True, False]


async def test_only_one_replica_polls(bot: Bot, redis: Redis, poll: Polling, bot_api: Any) -> None:
    assert await Election(redis, "elect", seconds=60).leads()
    await poll.poll_once()
    assert bot_api.calls == []


async def test_one_unreadable_update_does_not_stop_the_batch(poll: Polling, bot_api: Any, intake: IntakeStub) -> None:
    text = b'{"update_id":%d,"message":{"message_id":1,"date":0,"chat":{"id":%d,"type":"private"},"text":"%s"}}'
    updates = [text % (5, 1, b"a"), text % (6, 2, b"\xd0"), text % (7, 3, b"\\ud83d"), text % (8, 4, b"b")]
    bot_api.responses = [DONE, (200, b'{"ok":true,"result":[' + b",".join(updates) + b"]}"), batch()]
    await poll.poll_once()
    readable = []
    for body in intake.taken:
        with contextlib.suppress(orjson.JSONDecodeError):
            readable.append(orjson.loads(body)["update_id"])
    assert (len(intake.taken), sorted(readable)) == (4, [5, 8])
    await poll.poll_once()
    assert bot_api.calls[-1][1]["offset"] == 9


async def test_at_the_end_what_was_handled_is_confirmed(poll: Polling, bot_api: Any, intake: IntakeStub) -> None:
    bot_api.responses = [DONE, batch(message(5, 1), message(6, 1)), batch()]
    await poll.poll_once()
    await poll.confirm()
    assert (bot_api.calls[-1][0], bot_api.calls[-1][1]["offset"]) == ("getUpdates", 7)


async def test_a_batch_that_is_cancelled_confirms_only_what_was_handled(
    poll: Polling, bot_api: Any, intake: IntakeStub
) -> None:
    intake.outcomes = [Outcome.HANDLED, Outcome.BUSY]
    bot_api.responses = [DONE, batch(message(5, 1), message(6, 1), message(7, 1)), batch()]
    polling_task = asyncio.create_task(poll.poll_once())
    while len(intake.taken) < 2:  # noqa: ASYNC110 - the stub has no event
        await asyncio.sleep(0.01)
    polling_task.cancel()
    await asyncio.gather(polling_task, return_exceptions=True)
    await poll.confirm()
    assert bot_api.calls[-1][1]["offset"] == 6


class SlowIntake:
    """The first update fails or waits; the second needs some turns of the event loop to end."""

    def __init__(self, *, fails: bool) -> None:
        self._fails = fails
        self.started: list[bytes] = []
        self.ended: list[bytes] = []

    async def take(self, body: bytes) -> Outcome:
        first = not self.started
        self.started.append(body)
        if first and self._fails:
            raise RuntimeError("a defect")
        try:
            if not self._fails:
                await asyncio.Event().wait()
        finally:
            if not first:
                await asyncio.sleep(0.05)
            self.ended.append(body)
        return Outcome.HANDLED


@pytest.mark.parametrize("fails", [True, False])
async def test_no_update_of_a_batch_outlives_it(bot: Bot, redis: Redis, bot_api: Any, *, fails: bool) -> None:
    """After a failure or cancellation of one, the others would meet a second copy of themselves, or a closed Redis."""
    intake = SlowIntake(fails=fails)
    poll = Polling(bot, intake, Election(redis, "elect", seconds=60), allowed_updates=["message"])  # type: ignore[arg-type]  # a stub
    bot_api.responses = [DONE, batch(message(5, 1), message(6, 2)), batch()]
    polling_task = asyncio.create_task(poll.poll_once())
    while len(intake.started) < 2:  # noqa: ASYNC110 - the stub has no event
        await asyncio.sleep(0.01)
    if not fails:
        polling_task.cancel()
    await asyncio.wait({polling_task})
    assert len(intake.ended) == (1 if fails else 2)
    assert polling_task.cancelled() or isinstance(polling_task.exception(), RuntimeError)


class HeldIntake:
    """Holds each update until `proceed`."""

    def __init__(self) -> None:
        self.started: list[int] = []
        self.proceed = asyncio.Event()

    async def take(self, body: bytes) -> Outcome:
        self.started.append(orjson.loads(body)["update_id"])
        await self.proceed.wait()
        return Outcome.HANDLED


async def test_a_drain_finishes_what_has_begun_and_leaves_the_rest_to_the_next_poller(
    bot: Bot, redis: Redis, bot_api: Any
) -> None:
    intake = HeldIntake()
    poll = Polling(bot, intake, Election(redis, "elect", seconds=60), allowed_updates=["message"])  # type: ignore[arg-type]  # a stub
    bot_api.responses = [DONE, batch(message(5, 1), message(6, 2), message(7, 1)), batch()]
    polling_task = asyncio.create_task(poll.poll_once())
    while len(intake.started) < 2:  # noqa: ASYNC110 - the stub has no event
        await asyncio.sleep(0.01)
    draining = asyncio.create_task(poll.drain())
    await asyncio.sleep(0)
    intake.proceed.set()
    await draining
    await polling_task
    await poll.poll_once()
    await poll.confirm()
    assert sorted(intake.started) == [5, 6]
    assert [name for name, _ in bot_api.calls] == ["deleteWebhook", "getUpdates", "getUpdates"]
    assert bot_api.calls[-1][1]["offset"] == 7


async def test_a_drain_ends_a_long_poll_and_confirms_nothing_twice(
    poll: Polling, bot_api: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    bot_api.responses = [DONE, batch(message(5, 1))]
    await poll.poll_once()
    waiting = asyncio.Event()

    async def long_poll(*_args: Any, **_options: Any) -> Any:
        waiting.set()
        await asyncio.Event().wait()

    monkeypatch.setattr(type(poll._bot), "__call__", long_poll)
    polling_task = asyncio.create_task(poll.poll_once())
    await waiting.wait()
    await poll.drain()
    await polling_task
    # Telegram has the offset from the call that was ended; a second call with it would be held back.
    await poll.confirm()
    assert len(bot_api.calls) == 2
