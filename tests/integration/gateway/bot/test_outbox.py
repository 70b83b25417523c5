"""Deferred messages are sent when they are due, and survive a crash of their sender."""

import asyncio
from typing import Any

import pytest
from aiogram.exceptions import TelegramForbiddenError, TelegramNetworkError, TelegramRetryAfter, TelegramServerError
from aiogram.methods import AnswerCallbackQuery, EditMessageText, SendMessage
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup
from structlog.testing import capture_logs

from app.bot.outbox import MAX_ATTEMPTS, Outbox, deferrable

KEYBOARD = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Open", callback_data="ro:1:1")]])
SEND = SendMessage(chat_id=5, text="later", reply_markup=KEYBOARD)


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(redis: Any, clock: Clock) -> Outbox:
    return Outbox(redis, key_prefix="bg", clock=clock)


async def test_sends_when_due_and_not_before(user: Any, outbox: Outbox, clock: Clock) -> None:
    await outbox.put(SEND, 30)
    clock.now += 29
    assert await outbox.send_due(user.bot) == 0
    clock.now += 1
    assert await outbox.send_due(user.bot) == 1
    (call,) = user.telegram.calls
    assert (call.chat_id, call.text, call.reply_markup) == (5, "later", KEYBOARD)
    clock.now += 1000
    assert await outbox.send_due(user.bot) == 0


async def test_two_equal_messages_are_both_sent(user: Any, outbox: Outbox) -> None:
    await outbox.put(SEND, 0)
    await outbox.put(SEND, 0)
    assert await outbox.send_due(user.bot) == 2


async def test_a_message_is_sent_after_the_lease_of_a_crashed_sender(user: Any, outbox: Outbox, clock: Clock) -> None:
    await outbox.put(SEND, 0)
    user.telegram.failures = [KeyboardInterrupt()]
    with pytest.raises(KeyboardInterrupt):
        await outbox.send_due(user.bot)
    assert await outbox.send_due(user.bot) == 0
    clock.now += 60
    assert await outbox.send_due(user.bot) == 1
    assert len(user.telegram.calls) == 1


@pytest.mark.parametrize(
    ("failure", "wait"),
    [(TelegramRetryAfter(SEND, "slow down", retry_after=40), 40), (TelegramNetworkError(SEND, "timeout"), 10)],
)
async def test_an_unsent_message_is_retried(
    user: Any, outbox: Outbox, clock: Clock, failure: Exception, wait: float
) -> None:
    await outbox.put(SEND, 0)
    user.telegram.failures = [failure]
    await outbox.send_due(user.bot)
    clock.now += wait - 1
    assert await outbox.send_due(user.bot) == 0
    clock.now += 1
    assert await outbox.send_due(user.bot) == 1


async def test_a_message_that_may_have_been_sent_is_not_sent_again(
    user: Any, outbox: Outbox, redis: Any, moved: Any
) -> None:
    given_up = moved("errors_total", error_type="telegram_failed", severity="error")
    await outbox.put(SEND, 0)
    deleted = "Internal Server Error: sent message was immediately deleted and can't be returned"
    user.telegram.failures = [TelegramServerError(SEND, deleted)]
    await outbox.send_due(user.bot)
    assert (await redis.zcard("bg:outbox"), given_up()) == (0, 1)


async def test_retries_of_a_message_are_bounded(
    user: Any, outbox: Outbox, clock: Clock, redis: Any, moved: Any
) -> None:
    given_up = moved("errors_total", error_type="telegram_failed", severity="error")
    await outbox.put(SEND, 0)
    user.telegram.failures = [TelegramNetworkError(SEND, "unreachable") for _ in range(100)]
    attempts = 0
    while await redis.zcard("bg:outbox"):
        attempts += await outbox.send_due(user.bot)
        clock.now += 300
    assert attempts == MAX_ATTEMPTS
    assert given_up() == 1


async def test_a_message_that_telegram_refuses_is_dropped(user: Any, outbox: Outbox, redis: Any) -> None:
    await outbox.put(SEND, 0)
    user.telegram.failures = [TelegramForbiddenError(SEND, "blocked")]
    await outbox.send_due(user.bot)
    assert await redis.zcard("bg:outbox") == 0


def test_only_messages_can_be_deferred() -> None:
    assert deferrable(SEND)
    assert deferrable(EditMessageText(chat_id=1, message_id=1, text="x"))
    assert not deferrable(AnswerCallbackQuery(callback_query_id="1"))


async def test_an_unexpected_exception_does_not_stop_the_sender(user: Any, outbox: Outbox, clock: Clock) -> None:
    await outbox.put(SEND, 0)
    user.telegram.failures = [ZeroDivisionError()]
    with capture_logs() as logs:
        await outbox.start(user.bot)
        while not user.telegram.calls:
            await asyncio.sleep(0.01)
            clock.now += 60
        await outbox.close()
    assert [(entry["event"], entry["work"]) for entry in logs] == [("background_work_failed", "outbox")]


async def test_a_slow_batch_is_not_sent_twice(user: Any, outbox: Outbox, redis: Any, clock: Clock) -> None:
    """Ten sends of nine seconds each are longer than one lease."""
    other = Outbox(redis, key_prefix="bg", clock=clock)
    for number in range(10):
        await outbox.put(SendMessage(chat_id=5, text=str(number)), 0)
    make_request = user.telegram.make_request

    async def slowly(bot: Any, method: Any, timeout: Any = None) -> Any:  # noqa: ASYNC109 - aiogram's signature
        clock.now += 9
        result = await make_request(bot, method, timeout)
        if len(user.telegram.calls) == 8:
            # 72 seconds after the first claim: another replica looks for due messages.
            user.telegram.make_request = make_request
            await other.send_due(user.bot)
        return result

    user.telegram.make_request = slowly
    await outbox.send_due(user.bot)
    assert sorted(call.text for call in user.telegram.calls) == [str(number) for number in range(10)]


async def test_a_message_whose_options_another_release_knows_is_dropped(outbox: Outbox, user: Any, redis: Any) -> None:
    """It must not fail again after each lease, for ever."""
    await redis.zadd("bg:outbox", {'{"id":"1","chat_id":5,"text":"a","options":{"parse_mode":{"new":1}}}': 0})
    await outbox.send_due(user.bot)
    assert await redis.zcard("bg:outbox") == 0
    assert user.telegram.calls == []
