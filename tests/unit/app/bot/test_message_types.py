"""The type of an update as a metric label."""

from typing import Any

import pytest
from aiogram.types import Update

from app.bot.message_types import message_type
from app.core.metric_labels import MESSAGE_TYPES

CHAT = {"id": 1, "type": "private"}
PERSON = {"id": 1, "is_bot": False, "first_name": "A"}
PHOTO = [{"file_id": "p", "file_unique_id": "p", "width": 1, "height": 1}]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"text": "hello"}, "text"),
        ({"text": "/start"}, "command"),
        ({"photo": PHOTO}, "photo"),
        ({"photo": PHOTO, "media_group_id": "1"}, "album"),
        ({"location": {"latitude": 1.0, "longitude": 1.0}}, "location"),
        ({"contact": {"phone_number": "1", "first_name": "A"}}, "contact"),
        ({"new_chat_members": [PERSON]}, "service"),
        ({"dice": {"emoji": "🎲", "value": 1}}, "other"),
        ({}, "service"),
    ],
)
def test_messages(content: dict[str, Any], expected: str) -> None:
    update = Update.model_validate({"update_id": 1, "message": {"message_id": 1, "date": 0, "chat": CHAT, **content}})
    label = message_type(update)
    assert (label, str(label)) == (expected, expected)
    assert label in MESSAGE_TYPES


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"edited_message": {"message_id": 1, "date": 0, "chat": CHAT, "text": "x"}}, "edited_message"),
        ({"callback_query": {"id": "1", "from": PERSON, "chat_instance": "1"}}, "callback_query"),
        ({"inline_query": {"id": "1", "from": PERSON, "query": "", "offset": ""}}, "inline_query"),
        ({"channel_post": {"message_id": 1, "date": 0, "chat": CHAT}}, "other"),
    ],
)
def test_other_updates(event: dict[str, Any], expected: str) -> None:
    assert message_type(Update.model_validate({"update_id": 1, **event})) == expected
