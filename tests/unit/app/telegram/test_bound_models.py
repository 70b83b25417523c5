from typing import Any

import pytest
from aiogram import Bot
from aiogram.methods import SendMessage
from aiogram.types import Message, Update, User
from pydantic import PrivateAttr

from app.telegram.bound_models import bind_in_one_step

UPDATE = {
    "update_id": 1,
    "message": {
        "message_id": 1,
        "date": 1700000000,
        "from": {"id": 1, "is_bot": False, "first_name": "Ivan"},
        "chat": {"id": 1, "type": "private"},
        "text": "/help",
        "entities": [{"type": "bot_command", "offset": 0, "length": 5}],
        "reply_markup": {"inline_keyboard": [[{"text": "Yes", "callback_data": "yes"}]]},
    },
}


@pytest.fixture
def bot() -> Bot:
    bind_in_one_step()
    bind_in_one_step()
    return Bot("42:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")


def message_of(update: Update) -> Message:
    assert update.message is not None
    return update.message


def test_every_object_of_an_update_knows_the_bot(bot: Bot) -> None:
    update = Update.model_validate(UPDATE, context={"bot": bot})
    message = message_of(update)
    assert message.entities is not None
    assert message.reply_markup is not None
    for part in (
        update,
        message,
        message.from_user,
        message.chat,
        message.entities[0],
        message.reply_markup,
        message.reply_markup.inline_keyboard[0][0],
    ):
        assert part is not None
        assert part.bot is bot


def test_without_a_context_there_is_no_bot(bot: Bot) -> None:
    assert Update.model_validate(UPDATE).bot is None
    assert message_of(Update.model_validate(UPDATE).as_(bot)).bot is None


def test_a_method_gets_its_bot_later(bot: Bot) -> None:
    method = SendMessage(chat_id=1, text="Hello")
    assert method.bot is None
    assert method.as_(bot).bot is bot
    response = message_of(Update.model_validate(UPDATE, context={"bot": bot})).answer("Hello")
    assert response.bot is bot


def test_a_copy_keeps_the_bot(bot: Bot) -> None:
    copy = Update.model_validate(UPDATE, context={"bot": bot}).model_copy(update={"update_id": 2})
    assert (copy.bot, copy.update_id) == (bot, 2)


def test_a_class_made_later_keeps_its_own_private_attributes(bot: Bot) -> None:
    class Marked(User):
        _marks: list[int] = PrivateAttr(default_factory=lambda: [1])

        def model_post_init(self, context: Any, /) -> None:
            super().model_post_init(context)
            self._marks.append(2)

    marked = Marked.model_validate({"id": 1, "is_bot": False, "first_name": "Ivan"}, context={"bot": bot})
    bind_in_one_step()
    again = Marked.model_validate({"id": 1, "is_bot": False, "first_name": "Ivan"}, context={"bot": bot})
    for user in (marked, again):
        assert user.bot is bot
        assert user._marks == [1, 2]
