"""Photos of requests: taken from messages, and shown again."""

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from aiogram import F
from aiogram.exceptions import TelegramBadRequest, TelegramRetryAfter
from aiogram.types import InputMediaDocument, InputMediaPhoto, Message

from app.bot.outbox import Outbox

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

HAS_PHOTO = F.photo | F.document.mime_type.startswith("image/")
"""Filter for a photo, or an image sent as a file, which keeps its full size."""

_DOCUMENT_PREFIX = "BQ"
"""What ids of documents start with; the id is opaque, so an id that does not fit its kind is tried as the other one."""


def photo_id(message: Message) -> str | None:
    """Return the file id of the message's photo or image."""
    if message.photo:
        return message.photo[-1].file_id
    document = message.document
    is_image = document is not None and (document.mime_type or "").startswith("image/")
    return document.file_id if document is not None and is_image else None


def is_replied_album(message: Message, data: Mapping[str, Any]) -> bool:
    """Whether the message belongs to the album that the dialogue replied to: one arrives as one update per photo."""
    return message.media_group_id is not None and message.media_group_id == data.get("album")


async def send_photos(message: Message, file_ids: Sequence[str], outbox: Outbox) -> None:
    """Send photos to the chat of `message`: as an album, images that were sent as files as another one.

    What Telegram limits for longer than the update can wait is deferred, the second album without the first one too.
    """
    documents = [file_id for file_id in file_ids if file_id.startswith(_DOCUMENT_PREFIX)]
    photos = [file_id for file_id in file_ids if not file_id.startswith(_DOCUMENT_PREFIX)]
    for album, as_documents in ((photos, False), (documents, True)):
        try:
            await _send_album(message, album, as_documents=as_documents)
        except TelegramRetryAfter as error:
            await outbox.put(error.method, error.retry_after)
            log.warning("message_deferred", seconds=error.retry_after)


async def _send_album(message: Message, file_ids: Sequence[str], *, as_documents: bool) -> None:
    if not file_ids:
        return
    if len(file_ids) == 1:
        # Telegram's albums have at least two items.
        await _send_one(message, file_ids[0], as_document=as_documents)
    elif as_documents:
        await message.answer_media_group([InputMediaDocument(media=file_id) for file_id in file_ids])
    else:
        await message.answer_media_group([InputMediaPhoto(media=file_id) for file_id in file_ids])


async def _send_one(message: Message, file_id: str, *, as_document: bool) -> None:
    try:
        await (message.answer_document(file_id) if as_document else message.answer_photo(file_id))
    except TelegramBadRequest as error:
        if "can't use file of type" not in error.message:
            raise
        await (message.answer_photo(file_id) if as_document else message.answer_document(file_id))
