"""Answering a user, whether they wrote a message or pressed a button."""

from aiogram.exceptions import TelegramBadRequest
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message, Update

MAX_TEXT = 4096
"""Characters that Telegram takes in one message."""

MAX_ALERT = 200
"""Characters that Telegram takes in the answer to a button."""


def shorten(text: str, limit: int = MAX_TEXT) -> str:
    """The text, cut where Telegram would refuse it."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


async def show(event: Message | CallbackQuery, text: str, keyboard: InlineKeyboardMarkup | None = None) -> None:
    """Answer a message with a new one; after a button, change the message that the button is on."""
    text = shorten(text)
    if isinstance(event, Message):
        await event.answer(text, reply_markup=keyboard)
        return
    if isinstance(event.message, Message):
        await edit(event.message, text, keyboard)
    elif event.message is not None:
        # Too old to be changed.
        await event.message.answer(text, reply_markup=keyboard)
    await event.answer()


async def edit(message: Message, text: str, keyboard: InlineKeyboardMarkup | None = None) -> None:
    """Change a message of ours; that it already says so is success, that it can't be changed means a new one."""
    try:
        await message.edit_text(text, reply_markup=keyboard)
    except TelegramBadRequest as error:
        if "message is not modified" in error.message:
            return
        await message.answer(text, reply_markup=keyboard)


async def tell(event: Message | CallbackQuery, text: str) -> None:
    """Say something in passing: a message, or the small window over the chat after a button."""
    if isinstance(event, Message):
        await event.answer(shorten(text))
    else:
        await event.answer(shorten(text, MAX_ALERT), show_alert=True)


def event_of(update: Update) -> Message | CallbackQuery | None:
    """What in the update can be answered."""
    return update.message or update.edited_message or update.callback_query
