"""The type of an update, for the metric `messages_total{message_type}`."""

from aiogram.enums import ContentType
from aiogram.types import Message, Update

from app.bot.message_content import is_service_message
from app.core.metrics import MESSAGE_TYPES, label_value


def message_type(update: Update) -> str:
    """Return one of `MESSAGE_TYPES`."""
    if update.callback_query is not None:
        return "callback_query"
    if update.message is not None:
        return _content(update.message)
    if update.edited_message is not None:
        return "edited_message"
    return "inline_query" if update.inline_query is not None else "other"


def _content(message: Message) -> str:
    if message.text is not None:
        return "command" if message.text.startswith("/") else "text"
    if message.media_group_id is not None:
        return "album"
    if is_service_message(message):
        return "service"
    return label_value(ContentType(message.content_type).value, MESSAGE_TYPES)
