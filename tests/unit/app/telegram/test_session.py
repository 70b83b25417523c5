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

from app.telegram.lazy_message import LazyMessage
from app.telegram.session import GatewaySession, retry_wait

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


async def test_other_answers_are_decoded_in_full(bot: Bot, bot_api: Any) -> None:
    bot_api.answers = [(200, {"ok": True, "result": {"id": 42, "is_bot": True, "first_name": "B", "username": "b"}})]
    me = await bot.get_me()
    assert isinstance(me, User)
    assert me.username == "b"
    bot_api.answers = [(200, {"ok": True, "result": True})]
    assert await bot.answer_callback_query("1") is True


async def test_a_file_goes_as_a_form(bot: Bot, bot_api: Any) -> None:
    await bot.send_photo(1001, BufferedInputFile(b"the bytes", "x.png"))
    [(method, body)] = bot_api.calls
    assert method == "sendPhoto"
    assert b"the bytes" in body


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (error(400, "Bad Request: chat not found"), TelegramBadRequest),
        (error(403, "Forbidden: bot was blocked by the user"), TelegramForbiddenError),
        (error(429, "Too Many Requests", retry_after=7), TelegramRetryAfter),
        (error(500, "Internal Server Error"), TelegramServerError),
        ((502, b"<html>bad gateway</html>"), TelegramServerError),
        ((200, b"<html>hello</html>"), TelegramServerError),
        ((0, b""), TelegramNetworkError),
    ],
)
async def test_refusals_and_faults_are_aiogram_s_exceptions(
    bot: Bot, bot_api: Any, answer: tuple[int, Any], expected: type[Exception]
) -> None:
    bot_api.answers = [answer]
    with pytest.raises(expected) as raised:
        await bot.send_message(1001, "hello")
    # Outside of an update nothing is tried again.
    assert len(bot_api.calls) == 1
    assert TOKEN not in f"{raised.value!r} {raised.value} {raised.value.__cause__!r} {raised.value.__context__!r}"


async def test_an_unreachable_server_is_said_without_the_token() -> None:
    bot = Bot(TOKEN, session=GatewaySession("http://127.0.0.1:1", connections=1))
    with pytest.raises(TelegramNetworkError) as raised:
        await bot.send_message(1001, "hello")
    await bot.session.close()
    assert "AAF-known-token" not in str(raised.value)


async def test_within_an_update_faults_are_tried_again(bot: Bot, bot_api: Any, in_update: InUpdate) -> None:
    bot_api.answers = [(0, b""), error(500, "Internal Server Error"), OK]
    with in_update():
        await bot.send_message(1001, "hello")
    assert len(bot_api.calls) == 3


async def test_429_is_waited_for_within_the_deadline(
    bot: Bot, bot_api: Any, in_update: InUpdate, sample: Sample
) -> None:
    before = sample("telegram_retry_after_seconds_total")
    bot_api.answers = [error(429, "Too Many Requests", retry_after=1), OK]
    with in_update():
        await bot.send_message(1001, "hello")
    assert len(bot_api.calls) == 2
    assert sample("telegram_retry_after_seconds_total") == before + 1


async def test_429_beyond_the_deadline_is_raised(bot: Bot, bot_api: Any, in_update: InUpdate) -> None:
    bot_api.answers = [error(429, "Too Many Requests", retry_after=30), OK]
    with in_update(), pytest.raises(TelegramRetryAfter):
        await bot.send_message(1001, "hello")
    assert len(bot_api.calls) == 1


async def test_a_refusal_is_never_tried_again(bot: Bot, bot_api: Any, in_update: InUpdate) -> None:
    bot_api.answers = [error(400, "Bad Request: message is not modified"), OK]
    with in_update(), pytest.raises(TelegramBadRequest):
        await bot.send_message(1001, "hello")
    assert len(bot_api.calls) == 1


async def test_a_migrated_group_is_followed(bot: Bot, bot_api: Any) -> None:
    bot_api.answers = [error(400, "group chat was upgraded", migrate_to_chat_id=-1005), OK]
    await bot.send_message(-5, "hello")
    assert [body["chat_id"] for _, body in bot_api.calls] == [-5, -1005]


async def test_waits_grow_and_end_with_the_deadline(in_update: InUpdate) -> None:
    fault = TelegramNetworkError(method=Any, message="x")  # type: ignore[arg-type]  # not looked at
    assert retry_wait(fault, 0) is None
    with in_update(seconds_left=60):
        assert [retry_wait(fault, attempt) for attempt in range(6)] == pytest.approx([0.2, 0.4, 0.8, 1.6, 3.2, 5.0])
    with in_update(seconds_left=3.1):
        assert retry_wait(fault, 0) is None
