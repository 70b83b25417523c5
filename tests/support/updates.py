"""Updates as Telegram posts them."""

from typing import Any


def written(text: str, *, update_id: int = 1, user: int = 1001) -> dict[str, Any]:
    """A user's message in the private chat with the bot."""
    return {
        "update_id": update_id,
        "message": {
            "message_id": 1,
            "date": 0,
            "chat": {"id": user, "type": "private"},
            "from": {"id": user, "is_bot": False, "first_name": "A"},
            "text": text,
        },
    }
