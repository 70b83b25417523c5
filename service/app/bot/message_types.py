"""The type of an update, for the metric `messages_total{message_type}`."""

from aiogram.enums import ContentType
from aiogram.types import Message, Update

from app.core.metrics import MESSAGE_TYPES, label_value

_SERVICE_TYPES = frozenset({"new_chat_members", "left_chat_member", "pinned_message", "group_chat_created"})


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
    content_type = ContentType(message.content_type).value
    return "service" if content_type in _SERVICE_TYPES else label_value(content_type, MESSAGE_TYPES)
