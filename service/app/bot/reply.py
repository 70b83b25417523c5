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
    await answer_button(event)


async def edit(message: Message, text: str, keyboard: InlineKeyboardMarkup | None = None) -> None:
    """Change a message of ours; that it already says so is success, that it can't be changed means a new one."""
    try:
        await message.edit_text(text, reply_markup=keyboard)
    except TelegramBadRequest as error:
        if "message is not modified" in error.message:
            return
        await message.answer(text, reply_markup=keyboard)


async def answer_button(query: CallbackQuery, text: str = "") -> None:
    """End the button's waiting, with words in a small window if there are any.

    One that was pressed too long ago waits no more: that is no failure, and the words become a message.
    """
    try:
        await query.answer(shorten(text, MAX_ALERT) or None, show_alert=bool(text) or None)
    except TelegramBadRequest as error:
        if "query is too old" not in error.message:
            raise
        if text and query.message is not None:
            await query.message.answer(shorten(text))


async def tell(event: Message | CallbackQuery, text: str) -> None:
    """Say something in passing: a message, or the small window over the chat after a button."""
    if isinstance(event, Message):
        await event.answer(shorten(text))
    else:
        await answer_button(event, text)


def event_of(update: Update) -> Message | CallbackQuery | None:
    """What in the update can be answered."""
    return update.message or update.edited_message or update.callback_query
