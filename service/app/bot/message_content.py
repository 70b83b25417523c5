"""What a message contains: something a user wrote or sent, or a service message of Telegram."""

from aiogram.enums import ContentType
from aiogram.types import Message

_USER_CONTENT = frozenset(
    {
        *(ContentType.TEXT, ContentType.ANIMATION, ContentType.AUDIO, ContentType.DOCUMENT, ContentType.PHOTO),
        *(ContentType.STICKER, ContentType.STORY, ContentType.VIDEO, ContentType.VIDEO_NOTE, ContentType.VOICE),
        *(ContentType.CONTACT, ContentType.DICE, ContentType.GAME, ContentType.POLL, ContentType.VENUE),
        *(ContentType.LOCATION, ContentType.PAID_MEDIA, ContentType.CHECKLIST, ContentType.WEB_APP_DATA),
    }
)


def is_service_message(message: Message) -> bool:
    """Whether Telegram wrote the message about the chat: somebody pinned, joined, set a timer, and so on.

    Nobody expects a reply to it. Content that aiogram does not know counts as a service message too: new kinds of
    those appear far more often than new kinds of content.
    """
    return message.content_type not in _USER_CONTENT
