"""What can be understood of an update is handled, although a part of it is new to aiogram."""

from typing import Any

import orjson
import pytest
from aiogram import Bot

from app.delivery.intake import InvalidUpdateError, parse_update

BOT = Bot("42:TEST-TOKEN")
PERSON = {"id": 1001, "is_bot": False, "first_name": "A"}
CHAT = {"id": 1001, "type": "private"}


def parsed(**event: Any) -> Any:
    return parse_update(orjson.dumps({"update_id": 1, **event}), BOT)


def message(**content: Any) -> dict[str, Any]:
    return {"message_id": 1, "date": 0, "chat": CHAT, "from": PERSON, "text": "/help", **content}


@pytest.mark.parametrize(
    "content",
    [
        {"external_reply": {"origin": {"type": "tomorrow", "date": 1}}},
        {"entities": [{"type": "bot_command"}]},
        {"reply_to_message": {"message_id": 5}},
        {"link_preview_options": {"is_disabled": "perhaps"}},
        {"forward_origin": {"type": "new", "date": 0}, "quote": {"text": 7}},
    ],
)
def test_an_unreadable_part_of_a_message_is_left_out(content: dict[str, Any]) -> None:
    update = parsed(message=message(**content))
    assert (update.message.text, update.message.chat.id, update.message.bot) == ("/help", 1001, BOT)


def test_an_unreadable_part_of_a_pressed_message_is_left_out() -> None:
    pressed = message(external_reply={"origin": {"type": "tomorrow"}})
    query = {"id": "1", "from": PERSON, "chat_instance": "1", "data": "nr:cancel", "message": pressed}
    update = parsed(callback_query=query)
    assert (update.callback_query.data, update.callback_query.message.chat.id) == ("nr:cancel", 1001)


@pytest.mark.parametrize(
    ("member", "status"),
    [
        ({"status": "administrator", "can_be_edited": False}, "member"),
        ({"status": "restricted"}, "member"),
        ({"status": "visitor"}, "member"),
        ({"status": "kicked"}, "kicked"),
    ],
)
def test_a_membership_with_unknown_or_missing_fields(member: dict[str, Any], status: str) -> None:
    bot = {"id": 42, "is_bot": True, "first_name": "Bot"}
    old = {"status": "member", "user": bot}
    change = {
        "chat": CHAT,
        "from": PERSON,
        "date": 0,
        "old_chat_member": old,
        "new_chat_member": {**member, "user": bot},
    }
    assert parsed(my_chat_member=change).my_chat_member.new_chat_member.status == status


@pytest.mark.parametrize(
    "event",
    [
        {"message": {"date": 0, "chat": CHAT, "text": "x"}},
        {"message": message(chat={"id": "nobody", "type": "private"})},
        {"message": message(message_id="first")},
        {"something": {}},
    ],
)
def test_an_update_without_what_every_handler_needs_is_invalid(event: dict[str, Any]) -> None:
    with pytest.raises(InvalidUpdateError):
        parsed(**event)
