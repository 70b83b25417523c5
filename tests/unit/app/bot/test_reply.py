"""Replies stay within what Telegram accepts."""

from typing import Any

import pytest
from aiogram.types import CallbackQuery, Message, ReplyKeyboardRemove
from pydantic import ValidationError

from app.bot.reply import answer_callback, edit, send_reply


@pytest.fixture
def message(user: Any) -> Message:
    return Message.model_validate(user.message(text="hi"), context={"bot": user.bot})


async def test_a_text_is_cut_to_4096_code_points(user: Any, message: Message) -> None:
    await send_reply(message, "😀" * 5000)
    assert user.said() == ["😀" * 4095 + "…"]


async def test_an_alert_is_cut_to_200_characters(user: Any) -> None:
    query = {"id": "1", "from": user.message()["from"], "chat_instance": "1", "data": "x"}
    await answer_callback(CallbackQuery.model_validate(query, context={"bot": user.bot}), "я" * 300)
    assert user.said() == ["я" * 199 + "…"]


async def test_an_edit_takes_no_reply_keyboard(user: Any, message: Message) -> None:
    with pytest.raises(ValidationError):
        await edit(message, "new", ReplyKeyboardRemove())  # type: ignore[arg-type]  # mypy refuses it too
    assert user.telegram.calls == []
