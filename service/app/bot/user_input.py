"""The text of a user, cleaned for backends."""

from aiogram import F
from aiogram.types import Message

PLAIN_TEXT = (F.text & ~F.text.startswith("/")) | (F.caption & ~F.caption.startswith("/"))
"""Filter for a text, or a text under a photo, that is not a command. Dialogues take no command as input."""


def plain_text(message: Message) -> str:
    """Return the text, or that under a photo, without outer blanks and NUL characters, which PostgreSQL rejects."""
    return (message.text or message.caption or "").replace("\0", "").strip()
