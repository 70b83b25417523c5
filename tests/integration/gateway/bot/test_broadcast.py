"""Broadcasts: paced, durable, at most once, and unknown outcomes are reported."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from aiogram.exceptions import TelegramForbiddenError, TelegramNetworkError, TelegramRetryAfter
from aiogram.methods import EditMessageText, SendMessage
from redis.asyncio import Redis
from structlog.testing import capture_logs

from app.backends.models import TelegramId, UserId
from app.bot.broadcast import Broadcaster
from app.bot.broadcast_store import Broadcast, BroadcastStore, LeaseLostError
from app.bot.i18n import CatalogueI18n
from app.bot.services import Services
from app.core import tasks
from app.telegram.blocked import BlockedUsers
from app.telegram.retries import OutcomeUnknownError

Moved = Callable[..., Callable[[], float]]

SEND = SendMessage(chat_id=1, text="x")
NEWS = Broadcast(
    id="77",
    text="Water is off tomorrow",
    role=None,
    author=UserId(9),
    chat_id=TelegramId(4001),
    progress_message_id=12,
    language="en",
)


class Time:
    """A clock that only advances by sleeping."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds
        await asyncio.sleep(0)


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def blocked(redis: Redis) -> BlockedUsers:
    return BlockedUsers(redis, "bg:42:blocked")


@pytest.fixture
def broadcaster(redis: Redis, services: Services, time: Time, blocked: BlockedUsers) -> Broadcaster:
    return Broadcaster(
        redis, services.users, CatalogueI18n(), blocked=blocked, key_prefix="bg", clock=time, sleep=time.sleep
    )


def recipients(user: Any, *pages: list[int]) -> None:
    """Let the User Service return these pages, one after another."""
    left = list(pages)

    def next_page(_query: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        ids = left.pop(0)
        items = [{"telegram_id": number, "language": "en"} for number in ids]
        return 200, {"items": items, "next": ids[-1] if left else None}

    user.backends.responses["GET /api/v1/users/telegram-ids"] = next_page


def reached(user: Any) -> list[int]:
    return [call.chat_id for call in user.telegram.calls if isinstance(call, SendMessage)]


def progress(user: Any) -> list[str]:
    return [str(call.text) for call in user.telegram.calls if isinstance(call, EditMessageText)]


async def test_everyone_gets_it_once_at_most_twenty_per_second(
    user: Any, broadcaster: Broadcaster, time: Time, moved: Moved
) -> None:
    sent = moved("broadcasts_sent_total", target_role="all")
    counted = moved("broadcast_recipients_sum")
    recipients(user, list(range(1, 31)), list(range(31, 61)))
    assert await broadcaster.store.add(NEWS)
    assert await broadcaster.send_next(user.bot)
    assert sorted(reached(user)) == list(range(1, 61))
    assert time.now == pytest.approx(60 / 20, abs=0.2)
    assert progress(user)[-1] == "Broadcast finished. Sent: 60, not reachable: 0, unknown: 0."
    assert (sent(), counted()) == (1, 60)
    assert not await broadcaster.send_next(user.bot), "a finished broadcast is not sent again"


async def test_a_redelivered_update_starts_no_second_broadcast(broadcaster: Broadcaster) -> None:
    assert await broadcaster.store.add(NEWS)
    assert not await broadcaster.store.add(NEWS)


async def test_a_recipient_who_blocked_the_bot_is_counted_as_failed(user: Any, broadcaster: Broadcaster) -> None:
    recipients(user, [1, 2, 3])
    await broadcaster.store.add(NEWS)
    # The first call is the edit of the progress message.
    user.telegram.failures = [TelegramForbiddenError(SEND, "no"), TelegramForbiddenError(SEND, "blocked")]
    await broadcaster.send_next(user.bot)
    assert progress(user)[-1] == "Broadcast finished. Sent: 2, not reachable: 1, unknown: 0."


async def test_a_429_pauses_it_and_skips_nobody(user: Any, broadcaster: Broadcaster, time: Time) -> None:
    recipients(user, [1, 2, 3])
    await broadcaster.store.add(NEWS)
    user.telegram.failures = [
        TelegramForbiddenError(SEND, "no"),
        TelegramRetryAfter(SEND, "slow down", retry_after=30),
    ]
    await broadcaster.send_next(user.bot)
    assert sorted(reached(user)) == [1, 2, 3]
    assert time.now >= 30
    assert progress(user)[-1] == "Broadcast finished. Sent: 3, not reachable: 0, unknown: 0."


async def test_an_unknown_outcome_is_reported_and_not_retried(user: Any, broadcaster: Broadcaster) -> None:
    recipients(user, [1, 2, 3])
    await broadcaster.store.add(NEWS)
    user.telegram.failures = [TelegramForbiddenError(SEND, "no"), OutcomeUnknownError(SEND, "connection reset")]
    await broadcaster.send_next(user.bot)
    assert sorted(reached(user)) == [2, 3]
    assert progress(user)[-1].endswith("unknown: 1.\nMay or may not have received it, not sent again: 1")


async def test_unsent_messages_are_sent_when_telegram_is_reachable_again(
    user: Any, broadcaster: Broadcaster, time: Time
) -> None:
    recipients(user, [1, 2, 3])
    await broadcaster.store.add(NEWS)
    user.telegram.failures = [TelegramForbiddenError(SEND, "no"), TelegramNetworkError(SEND, "connection refused")]
    await broadcaster.send_next(user.bot)
    assert sorted(reached(user)) == [1, 2, 3]
    assert time.now >= 5
    assert progress(user)[-1] == "Broadcast finished. Sent: 3, not reachable: 0, unknown: 0."


async def test_users_known_to_have_blocked_the_bot_are_skipped(
    user: Any, broadcaster: Broadcaster, blocked: BlockedUsers
) -> None:
    await blocked.add(2)
    recipients(user, [1, 2], [3])
    await broadcaster.store.add(NEWS)
    await broadcaster.send_next(user.bot)
    assert sorted(reached(user)) == [1, 3]
    assert progress(user)[-1] == "Broadcast finished. Sent: 2, not reachable: 1, unknown: 0."


async def test_blocking_and_unblocking_the_bot_is_stored(user: Any, blocked: BlockedUsers) -> None:
    user.sign_in()
    for status, expected in (("kicked", {1001}), ("member", set())):
        await user.feed(my_chat_member=membership(user.chat, status))
        assert await blocked.blocked_among([1001]) == expected
    assert user.telegram.calls == []


async def test_removal_from_a_group_is_no_block(user: Any, blocked: BlockedUsers) -> None:
    user.sign_in()
    await user.feed(my_chat_member=membership({"id": -5, "type": "group", "title": "House"}, "kicked"))
    assert await blocked.blocked_among([-5, 1001]) == set()


def membership(chat: dict[str, Any], status: str) -> dict[str, Any]:
    bot = {"id": 42, "is_bot": True, "first_name": "Bot"}
    person = {"id": 1001, "is_bot": False, "first_name": "A"}
    new = {"status": status, "user": bot, **({"until_date": 0} if status == "kicked" else {})}
    old = {"status": "member", "user": bot}
    return {"chat": chat, "from": person, "date": 0, "old_chat_member": old, "new_chat_member": new}


class PausedBudget:
    """The send budget after a 429 of another message: broadcasts pause until `until`."""

    def __init__(self, time: Time, until: float) -> None:
        self._time = time
        self._until = until

    async def broadcast_pause(self) -> float:
        return max(0.0, self._until - self._time.now)


async def test_a_429_of_another_message_pauses_it_too(
    user: Any, redis: Redis, services: Services, time: Time, blocked: BlockedUsers
) -> None:
    broadcaster = Broadcaster(
        redis,
        services.users,
        CatalogueI18n(),
        blocked=blocked,
        budget=PausedBudget(time, until=30),  # type: ignore[arg-type]  # a stub
        key_prefix="bg",
        clock=time,
        sleep=time.sleep,
    )
    recipients(user, [1, 2])
    await broadcaster.store.add(NEWS)
    await broadcaster.send_next(user.bot)
    assert sorted(reached(user)) == [1, 2]
    assert 30 <= time.now < 31


async def test_after_a_kill_another_replica_continues_and_nobody_gets_it_twice(
    user: Any, broadcaster: Broadcaster, redis: Redis
) -> None:
    recipients(user, list(range(1, 11)))
    dead = BroadcastStore(redis, key_prefix="bg", token="dead")
    await dead.add(NEWS)
    await dead.hold_lease()
    first = await dead.head()
    assert first is not None
    await dead.load(first, [TelegramId(number) for number in range(1, 11)], None)
    # Killed after the outcome of one send was recorded, and between the send and the outcome of another.
    one, other = await dead.take("77", dead.next_take()), await dead.take("77", dead.next_take())
    assert one is not None
    assert other is not None
    assert (one.recipient, other.recipient) == (1, 2)
    await dead.settle("77", one, "sent")
    assert not await broadcaster.send_next(user.bot), "the lease of the killed sender has not expired"
    await redis.delete("{bg:broadcast}:lease")
    assert await broadcaster.send_next(user.bot)
    assert sorted(reached(user)) == list(range(3, 11))
    assert progress(user)[-1].endswith(
        "Sent: 9, not reachable: 0, unknown: 1.\nMay or may not have received it, not sent again: 2"
    )
    assert user.backends.named("GET /api/v1/users/telegram-ids") == [], "a page that was read is not read again"


async def test_a_refused_broadcast_ends_with_a_word_to_its_author_and_the_next_one_starts(
    user: Any, broadcaster: Broadcaster
) -> None:
    user.backends.responses["GET /api/v1/users/telegram-ids"] = (403, {"code": "forbidden"})
    await broadcaster.store.add(NEWS)
    await broadcaster.store.add(replace(NEWS, id="78", text="Water is back"))
    assert await broadcaster.send_next(user.bot)
    assert progress(user) == ["The broadcast was not sent: your account may not send to these recipients."]
    recipients(user, [1])
    assert await broadcaster.send_next(user.bot)
    assert reached(user) == [1]
    assert await broadcaster.store.head() is None


async def test_a_crash_between_the_report_and_the_removal_repeats_only_the_report(
    user: Any, broadcaster: Broadcaster, moved: Moved, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = moved("broadcasts_sent_total", target_role="all")
    recipients(user, [1, 2])
    await broadcaster.store.add(NEWS)
    with monkeypatch.context() as patch:
        patch.setattr(broadcaster.store, "remove", crash)
        with pytest.raises(ConnectionResetError):
            await broadcaster.send_next(user.bot)
    assert await broadcaster.send_next(user.bot)
    assert sorted(reached(user)) == [1, 2]
    assert progress(user)[-2:] == ["Broadcast finished. Sent: 2, not reachable: 0, unknown: 0."] * 2
    assert counted() == 1
    assert await broadcaster.store.head() is None


async def crash(_broadcast_id: str) -> None:
    raise ConnectionResetError


async def test_a_stopping_sender_finishes_the_sends_in_flight(
    user: Any, broadcaster: Broadcaster, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipients(user, [1])
    await broadcaster.store.add(NEWS)
    under_way, answered = asyncio.Event(), asyncio.Event()
    make_request = user.telegram.make_request

    async def slowly(bot: Any, method: Any, timeout: Any = None) -> Any:  # noqa: ASYNC109 - aiogram's signature
        if isinstance(method, SendMessage):
            under_way.set()
            await answered.wait()
        return await make_request(bot, method, timeout)

    monkeypatch.setattr(user.telegram, "make_request", slowly)
    await broadcaster.start(user.bot)
    await under_way.wait()
    # Long after it was cancelled again.
    monkeypatch.setattr(tasks, "_RETRY_SECONDS", 0.01)
    asyncio.get_running_loop().call_later(0.2, answered.set)
    await broadcaster.close()
    stopped = await broadcaster.store.get(NEWS.id)
    assert stopped is not None
    assert stopped.sent == 1


async def test_an_unexpected_exception_does_not_stop_the_sender(
    user: Any, broadcaster: Broadcaster, moved: Moved, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = moved("exceptions_total", exception_type="ZeroDivisionError")
    step, sent = broadcaster.send_next, asyncio.Event()
    failures: list[Exception] = [ZeroDivisionError()]

    async def failing_once(bot: Any) -> bool:
        if failures:
            raise failures.pop()
        sent.set()
        return await step(bot)

    monkeypatch.setattr(broadcaster, "send_next", failing_once)
    with capture_logs() as logs:
        await broadcaster.start(user.bot)
        await asyncio.wait_for(sent.wait(), 60)
        await broadcaster.close()
    assert [(entry["event"], entry["work"]) for entry in logs] == [("background_work_failed", "broadcaster")]
    assert failed() == 1


async def test_a_sender_without_the_lease_takes_no_recipient(redis: Redis) -> None:
    old, new = (BroadcastStore(redis, key_prefix="bg", token=token) for token in ("old", "new"))
    await old.add(NEWS)
    await old.hold_lease()
    first = await old.head()
    assert first is not None
    await old.load(first, [TelegramId(1), TelegramId(2)], None)
    taken = await old.take("77", old.next_take())
    assert taken is not None
    assert taken.recipient == 1
    await redis.delete("{bg:broadcast}:lease")
    assert await new.hold_lease()
    assert await new.recover("77") == 1
    with pytest.raises(LeaseLostError):
        await old.take("77", old.next_take())
    # The last message of the old sender was sent after all, so its outcome is no longer unknown.
    await old.settle("77", taken, "sent")
    assert await new.with_unknown_outcome("77") == []
    counts = await new.get("77")
    assert counts is not None
    assert counts.sent == 1


async def test_an_admin_creates_and_starts_a_broadcast(user: Any, redis: Redis) -> None:
    user.sign_in("admin")
    await user.send("/admin")
    await user.press_labelled("Broadcast")
    await user.press_labelled("executor")
    await user.send("Water is off tomorrow")
    assert user.said()[-1] == "Recipients: executor\n\nWater is off tomorrow"
    await user.press_labelled("Send")
    broadcaster: Broadcaster = user.dispatcher["broadcaster"]
    queued = await broadcaster.store.head()
    assert queued is not None
    assert (queued.text, queued.role, queued.author) == ("Water is off tomorrow", "executor", 7)


async def test_a_manager_cannot_broadcast(user: Any) -> None:
    user.sign_in("manager")
    await user.press("ad:broadcast")
    assert user.said() == ["Your role cannot do this. /help shows what you can do."]
