from typing import Any

import pytest
from aiogram.types import Update

from app.delivery.origin import origin_of

USER = {"id": 1001, "is_bot": False, "first_name": "A"}
GROUP = {"id": -5, "type": "group", "title": "G"}
MESSAGE = {"message_id": 1, "date": 0, "chat": GROUP}


@pytest.mark.parametrize(
    ("event", "lock", "chat_type", "user"),
    [
        ({"message": {**MESSAGE, "from": USER, "text": "a"}}, -5, "group", 1001),
        ({"edited_message": {**MESSAGE, "from": USER, "text": "a"}}, -5, "group", 1001),
        ({"message": {**MESSAGE, "from": {**USER, "id": 0}, "text": "a"}}, -5, "group", 0),
        (
            {"callback_query": {"id": "1", "from": USER, "chat_instance": "1", "message": MESSAGE, "data": "x"}},
            *(-5, "group", 1001),
        ),
        ({"inline_query": {"id": "1", "from": USER, "query": "", "offset": ""}}, 1001, "none", 1001),
        ({"channel_post": {**MESSAGE, "chat": {"id": -9, "type": "channel"}}}, -9, "channel", -9),
        (
            {
                "poll": {
                    "id": "1",
                    "question": "?",
                    "options": [],
                    "total_voter_count": 0,
                    "is_closed": True,
                    "is_anonymous": True,
                    "type": "regular",
                    "allows_multiple_answers": False,
                    "allows_revoting": False,
                    "members_only": False,
                }
            },
            *(0, "none", 0),
        ),
    ],
)
def test_the_chat_and_user_of_an_update(event: dict[str, Any], lock: int, chat_type: str, user: int) -> None:
    origin = origin_of(Update.model_validate({"update_id": 7, **event}))
    assert (origin.update_id, origin.lock_id, origin.chat_type, origin.user_id) == (7, lock, chat_type, user)
