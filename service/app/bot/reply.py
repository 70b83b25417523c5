"""Replies to a user who sent a message or pressed a button."""

from aiogram.exceptions import TelegramBadRequest
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message, Update

MAX_TEXT = 4096
"""Telegram's limit for one message, in characters."""

MAX_ALERT = 200
"""Telegram's limit for the alert of `answerCallbackQuery`, in characters."""


def shorten(text: str, limit: int = MAX_TEXT) -> str:
    """Return the text, cut to Telegram's limit."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


async def show(event: Message | CallbackQuery, text: str, keyboard: InlineKeyboardMarkup | None = None) -> None:
    """Reply to a message with a new one; after a button, edit the message with the button."""
    text = shorten(text)
    if isinstance(event, Message):
        await event.answer(text, reply_markup=keyboard)
        return
    if isinstance(event.message, Message):
        await edit(event.message, text, keyboard)
    elif event.message is not None:
        # Telegram no longer lets the bot edit this message.
        await event.message.answer(text, reply_markup=keyboard)
    await answer_callback(event)


async def edit(message: Message, text: str, keyboard: InlineKeyboardMarkup | None = None) -> None:
    """Edit a message of the bot. "Not modified" is success; if it cannot be edited, a new message is sent."""
    try:
        await message.edit_text(text, reply_markup=keyboard)
    except TelegramBadRequest as error:
        if "message is not modified" in error.message:
            return
        await message.answer(text, reply_markup=keyboard)


async def answer_callback(query: CallbackQuery, text: str = "") -> None:
    """Answer a callback query, with `text` as an alert if there is one.

    A query that is too old cannot be answered. That is not an error; `text` is sent as a message then.
    """
    try:
        await query.answer(shorten(text, MAX_ALERT) or None, show_alert=bool(text) or None)
    except TelegramBadRequest as error:
        if "query is too old" not in error.message:
            raise
        if text and query.message is not None:
            await query.message.answer(shorten(text))


async def send_reply(event: Message | CallbackQuery, text: str) -> None:
    """Reply with a message, or with an alert after a button."""
    if isinstance(event, Message):
        await event.answer(shorten(text))
    else:
        await answer_callback(event, text)


def replyable_event(update: Update) -> Message | CallbackQuery | None:
    """Return the message or callback query of the update, which is what the bot can reply to."""
    return update.message or update.edited_message or update.callback_query
