"""The text of a user, cleaned for backends."""

from aiogram import F
from aiogram.types import Message

PLAIN_TEXT = F.text & ~F.text.startswith("/")
"""Filter for a text that is not a command. Dialogues take no command as input."""


def plain_text(message: Message) -> str:
    """Return the text without surrounding blanks and without NUL characters, which PostgreSQL rejects."""
    return (message.text or "").replace("\0", "").strip()
