import asyncio
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest
from aiogram import Bot
from aiogram.exceptions import (
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.types import BufferedInputFile, User

from app.compat.lazy_message import LazyMessage
from app.delivery.context import LeaseExpiredError, UpdateContext, current_update
from app.telegram.budget import SendBudgetExhaustedError
from app.telegram.retries import MAX_ATTEMPTS, OutcomeUnknownError, retry_delay
from app.telegram.session import GatewaySession

Sample = Callable[..., float]
InUpdate = Callable[..., AbstractContextManager[None]]
OK = (200, {"ok": True, "result": {"message_id": 9, "date": 1, "chat": {"id": 1001, "type": "private"}, "text": "a"}})
TOKEN = "42:AAF-known-token-of-the-tests"


def error(status: int, description: str, **parameters: int) -> tuple[int, Any]:
    return status, {"ok": False, "error_code": status, "description": description, "parameters": parameters}


async def test_a_call_is_json_out_and_a_lazy_message_in(bot: Bot, bot_api: Any, sample: Sample) -> None:
    before = sample("telegram_requests_total", method="sendMessage", status="200")
    message = await bot.send_message(1001, "hello")
    assert isinstance(message, LazyMessage)
    assert bot_api.calls == [("sendMessage", {"chat_id": 1001, "text": "hello"})]
    assert sample("telegram_requests_total", method="sendMessage", status="200") == before + 1


async def test_request_middlewares_of_aiogram_are_asked(bot: Bot, bot_api: Any) -> None:
    seen = []

    async def note(make_request: Any, bot: Bot, method: Any) -> Any:
        seen.append(method.__api_method__)
        return await make_request(bot, method)

    bot.session.middleware(note)
    await bot.send_message(1001, "hello")
    assert seen == ["sendMessage"]
    assert [method for method, _ in bot_api.calls] == ["sendMessage"]


async def test_other_responses_are_decoded_in_full(bot: Bot, bot_api: Any) -> None:
    bot_api.responses = [(200, {"ok": True, "result": {"id": 42, "is_bot": True, "first_name": "B", "username": "b"}})]
    me = await bot.get_me()
    assert isinstance(me, User)
    assert me.username == "b"
    bot_api.responses = [(200, {"ok": True, "result": True})]
    assert await bot.answer_callback_query("1") is True


async def test_a_file_goes_as_a_form(bot: Bot, bot_api: Any) -> None:
    await bot.send_photo(1001, BufferedInputFile(b"the bytes", "x.png"))
    [(method, body)] = bot_api.calls
    assert method == "sendPhoto"
    assert b"the bytes" in body


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (error(400, "Bad Request: chat not found"), TelegramBadRequest),
        (error(403, "Forbidden: bot was blocked by the user"), TelegramForbiddenError),
        (error(429, "Too Many Requests", retry_after=7), TelegramRetryAfter),
        (error(500, "Internal Server Error"), TelegramServerError),
        ((502, b"<html>bad gateway</html>"), OutcomeUnknownError),
        ((200, b"<html>hello</html>"), OutcomeUnknownError),
        ((0, b""), OutcomeUnknownError),
    ],
)
async def test_refusals_and_faults_are_aiogram_s_exceptions(
    bot: Bot, bot_api: Any, response: tuple[int, Any], expected: type[Exception]
) -> None:
    bot_api.responses = [response]
    with pytest.raises(expected) as raised:
        await bot.send_message(1001, "hello")
    # Outside of an update nothing is tried again.
    assert len(bot_api.calls) == 1
    assert TOKEN not in f"{raised.value!r} {raised.value} {raised.value.__cause__!r} {raised.value.__context__!r}"


@pytest.mark.parametrize(
    "base", ["http://127.0.0.1:1", "http://no-such-host.invalid", "https://127.0.0.1:{port}", "http://127.0.0.1:{port}"]
)
async def test_whatever_fails_on_the_way_is_said_without_the_token(
    base: str, api: tuple[Any, str], bot_api: Any
) -> None:
    bot_api.responses = [(0, b"")]
    address = base.format(port=api[1].rpartition(":")[2])
    bot = Bot(TOKEN, session=GatewaySession(address, connections=1, timeout=2))
    with pytest.raises(TelegramNetworkError) as raised:
        await bot.send_message(1001, "hello")
    await bot.session.close()
    assert "AAF-known-token" not in "".join(traceback.format_exception(raised.value))
    assert raised.value.__cause__ is None
    # Nothing but a call that was on its way may have had an effect.
    assert isinstance(raised.value, OutcomeUnknownError) is (address == api[1])


async def test_within_an_update_what_telegram_refused_is_tried_again(
    bot: Bot, bot_api: Any, in_update: InUpdate
) -> None:
    restart = error(500, "Internal Server Error: restart")
    bot_api.responses = [restart, restart, OK]
    with in_update():
        await bot.send_message(1001, "hello")
    assert len(bot_api.calls) == 3


@pytest.mark.parametrize(
    "description", ["Internal Server Error", "Internal Server Error: sent message was immediately deleted and can't be"]
)
async def test_after_a_server_error_that_may_have_had_an_effect_a_message_is_not_sent_again(
    bot: Bot, bot_api: Any, in_update: InUpdate, description: str
) -> None:
    bot_api.responses = [error(500, description), OK]
    with in_update(), pytest.raises(TelegramServerError):
        await bot.send_message(1001, "hello")
    assert len(bot_api.calls) == 1


async def test_a_call_is_retried_a_bounded_number_of_times(
    bot: Bot, bot_api: Any, in_update: InUpdate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.telegram.retries._FIRST_WAIT", 0.001)
    bot_api.responses = [error(500, "Internal Server Error: restart")] * (MAX_ATTEMPTS + 5)
    with in_update(), pytest.raises(TelegramServerError):
        await bot.send_message(1001, "hello")
    assert len(bot_api.calls) == MAX_ATTEMPTS


@pytest.mark.parametrize("response", [(0, b""), (502, b"<html>bad gateway</html>"), (200, b"<html>hello</html>")])
async def test_a_message_that_may_have_gone_out_is_not_sent_again(
    bot: Bot, bot_api: Any, in_update: InUpdate, response: tuple[int, Any]
) -> None:
    bot_api.responses = [response, OK]
    with in_update(), pytest.raises(OutcomeUnknownError):
        await bot.send_message(1001, "hello")
    assert len(bot_api.calls) == 1


async def test_a_message_whose_response_comes_too_late_is_not_sent_again(
    bot_api: Any, api: tuple[Any, str], in_update: InUpdate
) -> None:
    bot_api.hold = asyncio.Event()
    bot = Bot(TOKEN, session=GatewaySession(api[1], connections=1, timeout=0.1))
    with in_update(), pytest.raises(OutcomeUnknownError):
        await bot.send_message(1001, "hello")
    await bot.session.close()
    assert len(bot_api.calls) == 1


async def test_what_does_no_harm_twice_is_repeated(bot: Bot, bot_api: Any, in_update: InUpdate) -> None:
    bot_api.responses = [(0, b""), (200, {"ok": True, "result": True})]
    with in_update():
        assert await bot.answer_callback_query("1") is True
        bot_api.responses = [(0, b""), OK]
        await bot.edit_message_text("hello", chat_id=1001, message_id=9)
    assert len(bot_api.calls) == 4


async def test_a_message_that_never_left_is_sent_again(in_update: InUpdate, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[int] = []

    def give_up_after_three(_error: Exception, attempt: int) -> float | None:
        waits.append(attempt)
        return 0.0 if attempt < 2 else None

    monkeypatch.setattr("app.telegram.session.retry_delay", give_up_after_three)
    bot = Bot(TOKEN, session=GatewaySession("http://127.0.0.1:1", connections=1))
    with in_update(), pytest.raises(TelegramNetworkError):
        await bot.send_message(1001, "hello")
    await bot.session.close()
    assert waits == [0, 1, 2]


class BudgetSpy:
    """A budget that notes what it is told; `wait` is how long it would keep a message waiting."""

    def __init__(self, wait: float = 0) -> None:
        self.wait = wait
        self.paused: list[tuple[int | str, float]] = []
        self.max_wait: list[float] = []

    async def acquire(self, chat_id: int | str, *, max_wait: float) -> None:
        self.max_wait.append(max_wait)
        if self.wait > max_wait:
            raise SendBudgetExhaustedError(self.wait)

    async def pause(self, chat_id: int | str, seconds: float) -> None:
        self.paused.append((chat_id, seconds))


async def test_a_429_puts_the_chat_on_hold_for_all_messages(
    bot_api: Any, api: tuple[Any, str], in_update: InUpdate
) -> None:
    budget = BudgetSpy()
    bot_api.responses = [error(429, "Too Many Requests", retry_after=1), OK]
    bot = Bot(TOKEN, session=GatewaySession(api[1], connections=1, budget=budget))  # type: ignore[arg-type]  # a stub
    with in_update():
        await bot.send_message(1001, "hello")
    await bot.session.close()
    assert budget.paused == [(1001, 1)]
    assert budget.max_wait == pytest.approx([7, 6], abs=0.5)


async def test_edits_count_towards_the_sending_limits_and_answers_to_buttons_do_not(
    bot_api: Any, api: tuple[Any, str], in_update: InUpdate
) -> None:
    budget = BudgetSpy()
    bot = Bot(TOKEN, session=GatewaySession(api[1], connections=1, budget=budget))  # type: ignore[arg-type]  # a stub
    bot_api.responses = [OK, (200, {"ok": True, "result": True})]
    with in_update():
        await bot.edit_message_text("hello", chat_id=1001, message_id=9)
        assert len(budget.max_wait) == 1
        await bot.answer_callback_query("1")
    await bot.session.close()
    assert len(budget.max_wait) == 1


async def test_a_turn_that_comes_too_late_is_telegram_s_own_refusal(
    bot_api: Any, api: tuple[Any, str], in_update: InUpdate
) -> None:
    budget = BudgetSpy(wait=29.5)
    bot = Bot(TOKEN, session=GatewaySession(api[1], connections=1, budget=budget))  # type: ignore[arg-type]  # a stub
    with in_update(), pytest.raises(TelegramRetryAfter) as raised:
        await bot.send_message(1001, "hello")
    assert raised.value.retry_after == 30
    with pytest.raises(TelegramRetryAfter):
        await bot.send_message(1001, "hello")
    await bot.session.close()
    assert (bot_api.calls, budget.paused, budget.max_wait[1]) == ([], [], 5)


async def test_429_is_waited_for_within_the_deadline(
    bot: Bot, bot_api: Any, in_update: InUpdate, sample: Sample
) -> None:
    before = sample("telegram_retry_after_seconds_total")
    bot_api.responses = [error(429, "Too Many Requests", retry_after=1), OK]
    with in_update():
        await bot.send_message(1001, "hello")
    assert len(bot_api.calls) == 2
    assert sample("telegram_retry_after_seconds_total") == before + 1


async def test_429_beyond_the_deadline_is_raised(bot: Bot, bot_api: Any, in_update: InUpdate) -> None:
    bot_api.responses = [error(429, "Too Many Requests", retry_after=30), OK]
    with in_update(), pytest.raises(TelegramRetryAfter):
        await bot.send_message(1001, "hello")
    assert len(bot_api.calls) == 1


async def test_a_refusal_is_never_tried_again(bot: Bot, bot_api: Any, in_update: InUpdate) -> None:
    bot_api.responses = [error(400, "Bad Request: message is not modified"), OK]
    with in_update(), pytest.raises(TelegramBadRequest):
        await bot.send_message(1001, "hello")
    assert len(bot_api.calls) == 1


async def test_a_migrated_group_is_followed(bot: Bot, bot_api: Any) -> None:
    bot_api.responses = [error(400, "group chat was upgraded", migrate_to_chat_id=-1005), OK]
    await bot.send_message(-5, "hello")
    assert [body["chat_id"] for _, body in bot_api.calls] == [-5, -1005]


async def test_waits_grow_and_end_with_the_deadline(in_update: InUpdate) -> None:
    fault = TelegramNetworkError(method=Any, message="x")  # type: ignore[arg-type]  # not looked at
    assert retry_delay(fault, 0) is None
    with in_update(seconds_left=60):
        assert [retry_delay(fault, attempt) for attempt in range(6)] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0])
    with in_update(seconds_left=3.1):
        assert retry_delay(fault, 0) is None


async def test_nothing_is_sent_for_an_update_whose_lease_has_expired(bot: Bot, bot_api: Any) -> None:
    lost = UpdateContext(1, 1001, "private", 1001, deadline=0, holds_lock=lambda: False)
    token = current_update.set(lost)
    try:
        for call in (bot.send_message(1001, "a"), bot.edit_message_text("a", chat_id=1001, message_id=1)):
            with pytest.raises(LeaseExpiredError):
                await call
    finally:
        current_update.reset(token)
    assert bot_api.calls == []


async def test_a_result_that_cannot_be_read_may_have_had_its_effect(bot: Bot, bot_api: Any) -> None:
    """aiogram's own error for it is none of the Bot API's errors, so nobody would treat the message as sent."""
    for status, body in ((200, {"ok": True, "result": {"id": "new"}}), (400, b"{")):
        bot_api.responses = [(status, body)]
        with pytest.raises(OutcomeUnknownError):
            await bot.send_message(1001, "hello")
