from aiogram import Bot
from aiogram.types import Message

from app.compat.lazy_message import LazyMessage

BOT = Bot("42:TOKEN")
RAW = {
    "message_id": 9,
    "date": 1_700_000_000,
    "chat": {"id": 1001, "type": "private", "first_name": "A"},
    "from": {"id": 42, "is_bot": True, "first_name": "Bot"},
    "text": "hello",
    "photo": [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}],
}


def test_the_id_is_known_without_decoding() -> None:
    message = LazyMessage.of(RAW, BOT)
    assert message.message_id == 9
    assert set(message.__dict__) == {"message_id"}


def test_any_other_field_decodes_the_whole() -> None:
    message = LazyMessage.of(RAW, BOT)
    whole = Message.model_validate(RAW, context={"bot": BOT})
    assert message.text == "hello"
    assert message.__dict__ == whole.__dict__
    assert message.chat.bot is BOT
    assert message.sticker is None


def test_it_is_a_message_that_can_be_edited() -> None:
    message = LazyMessage.of(RAW, BOT)
    assert isinstance(message, Message)
    edit = message.edit_text("new")
    assert (edit.chat_id, edit.message_id, edit.bot) == (1001, 9, BOT)


def test_properties_and_unknown_names_behave_as_ever() -> None:
    message = LazyMessage.of(RAW, BOT)
    assert message.content_type == "text"
    assert not hasattr(message, "no_such_field")
