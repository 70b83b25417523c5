"""What a user typed, as it may be passed on."""

from aiogram import F
from aiogram.types import Message

PLAIN_TEXT = F.text & ~F.text.startswith("/")
"""A text that is no command: what a dialogue takes as an answer."""


def entered(message: Message) -> str:
    """The text without blanks around it and without NUL characters, which no SQL database takes."""
    return (message.text or "").replace("\0", "").strip()
