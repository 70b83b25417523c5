"""Notifications: once per event, in the user's language, and retried after a failure."""

import json
from typing import Any

import pytest
from aiogram.exceptions import TelegramForbiddenError, TelegramNetworkError, TelegramRetryAfter, TelegramServerError
from aiogram.methods import SendMessage
from redis.exceptions import RedisError

from app.bot.notify import Notifier, NotifyResult
from app.telegram.retries import OutcomeUnknownError

SEND = SendMessage(chat_id=1001, text="x")


def event(**changes: Any) -> bytes:
    values = {
        "event_id": "e1",
        "type": "request_status_changed",
        "telegram_id": 1001,
        "request_id": 5,
        "request_number": "R-000005",
        "status": "done",
        "language": "ru",
    }
    return json.dumps({**values, **changes}).encode()


@pytest.fixture
def notifier(user: Any) -> Notifier:
    found: Notifier = user.dispatcher["notifier"]
    return found


async def test_a_notification_uses_the_users_language_and_links_the_request(user: Any, notifier: Notifier) -> None:
    assert await notifier.handle(user.bot, event()) is NotifyResult.SENT
    (call,) = user.telegram.calls
    assert (call.chat_id, call.text) == (1001, "Новый статус вашей заявки R-000005: выполнена.")
    assert call.reply_markup.inline_keyboard[0][0].callback_data == "ro:5:1"


async def test_an_event_is_sent_once(user: Any, notifier: Notifier) -> None:
    await notifier.handle(user.bot, event())
    assert await notifier.handle(user.bot, event()) is NotifyResult.DUPLICATE
    assert await notifier.handle(user.bot, event(event_id="e2")) is NotifyResult.SENT
    assert len(user.telegram.calls) == 2


@pytest.mark.parametrize(
    "failure",
    [
        OutcomeUnknownError(SEND, "ConnectionResetError"),
        TelegramServerError(SEND, "Internal Server Error: sent message was immediately deleted and can't be returned"),
    ],
)
async def test_a_notification_that_may_have_been_sent_is_not_asked_for_again(
    user: Any, notifier: Notifier, moved: Any, failure: Exception
) -> None:
    counted = moved("errors_total", error_type="telegram_failed", severity="error")
    user.telegram.failures = [failure]
    assert (await notifier.handle(user.bot, event())).http_status == 200
    assert await notifier.handle(user.bot, event()) is NotifyResult.DUPLICATE
    assert (user.telegram.calls, counted()) == ([], 1)


async def test_a_failed_notification_may_be_retried(user: Any, notifier: Notifier) -> None:
    user.telegram.failures = [TelegramNetworkError(SEND, "timeout")]
    failed = await notifier.handle(user.bot, event())
    assert (failed, failed.http_status) == (NotifyResult.FAILED, 503)
    assert await notifier.handle(user.bot, event()) is NotifyResult.SENT


async def test_an_event_in_flight_on_another_replica_asks_for_a_retry(
    user: Any, notifier: Notifier, redis: Any
) -> None:
    await redis.set("bg:42:notified:e1", "sending")
    assert await notifier.handle(user.bot, event()) is NotifyResult.FAILED
    assert user.telegram.calls == []


async def test_a_user_who_blocked_the_bot_is_not_retried(user: Any, notifier: Notifier) -> None:
    user.telegram.failures = [TelegramForbiddenError(SEND, "blocked")]
    blocked = await notifier.handle(user.bot, event())
    assert (blocked, blocked.http_status) == (NotifyResult.BLOCKED, 200)
    assert await notifier.handle(user.bot, event()) is NotifyResult.DUPLICATE


async def test_a_rate_limited_notification_is_deferred(user: Any, notifier: Notifier, redis: Any) -> None:
    user.telegram.failures = [TelegramRetryAfter(SEND, "slow down", retry_after=60)]
    assert await notifier.handle(user.bot, event()) is NotifyResult.QUEUED
    assert await redis.zcard("bg:42:outbox") == 1


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", event(type="other"), event(status="lost"), event(event_id=""), event(request_id=0)],
)
async def test_an_invalid_event_is_refused(user: Any, notifier: Notifier, body: bytes) -> None:
    invalid = await notifier.handle(user.bot, body)
    assert (invalid, invalid.http_status) == (NotifyResult.INVALID, 422)
    assert user.telegram.calls == []


async def test_a_message_that_was_sent_is_not_asked_for_again_if_redis_cannot_note_it(
    user: Any, notifier: Notifier, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = type(redis).set

    async def set_unless_done(self: Any, key: str, value: str, **options: Any) -> Any:
        if value == "done":
            raise RedisError("away")
        return await real(self, key, value, **options)

    monkeypatch.setattr(type(redis), "set", set_unless_done)
    assert await notifier.handle(user.bot, event()) is NotifyResult.SENT
    assert len(user.telegram.calls) == 1
