"""Notifications: a backend reports a change, and the user gets a message about it in their language.

Idempotent by event id: an event that was sent, or may have been, is not sent again for 48 h; one that certainly failed
may be retried.
"""

from enum import StrEnum
from typing import Annotated, Literal

import structlog
from aiogram import Bot
from aiogram.exceptions import TelegramAPIError, TelegramBadRequest, TelegramForbiddenError, TelegramRetryAfter
from aiogram.utils.i18n import gettext as _
from pydantic import BaseModel, Field, ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.backends.models import RequestId, RequestStatus, TelegramId
from app.bot.callbacks import RequestOpen
from app.bot.i18n import CatalogueI18n, closest_locale
from app.bot.keyboards import inline
from app.bot.outbox import Outbox
from app.bot.redis_values import as_text
from app.bot.texts import status_name
from app.core import metrics
from app.core.redis_metrics import measured
from app.core.tracing import create_span
from app.telegram.retries import Effect, effect_of

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# Longer than any backend keeps retrying one event.
_DONE_SECONDS = 48 * 3600
# Longer than one call of the Bot API with its retries, so that two replicas never send the same event at once.
_SENDING_SECONDS = 60


class NotifyResult(StrEnum):
    """The result of a notification; the values of `notifications_total{result}`."""

    SENT = "sent"
    DUPLICATE = "duplicate"
    QUEUED = "queued"
    BLOCKED = "blocked"
    INVALID = "invalid"
    FAILED = "failed"

    @property
    def http_status(self) -> int:
        """The HTTP status for the backend; only a 503 asks it to retry."""
        return {NotifyResult.INVALID: 422, NotifyResult.FAILED: 503}.get(self, 200)


class RequestStatusChanged(BaseModel):
    """The event that the Request Service sends."""

    event_id: Annotated[str, Field(min_length=1, max_length=100)]
    type: Literal["request_status_changed"]
    telegram_id: TelegramId
    request_id: Annotated[RequestId, Field(gt=0)]
    request_number: Annotated[str, Field(max_length=50)]
    status: RequestStatus
    language: str


class Notifier:
    """Handles the body of `POST /internal/notify`. The endpoint checks the caller's token, not this class."""

    def __init__(self, redis: Redis, outbox: Outbox, i18n: CatalogueI18n, *, key_prefix: str) -> None:
        self._redis = redis
        self._outbox = outbox
        self._i18n = i18n
        self._key_prefix = key_prefix

    async def handle(self, bot: Bot, body: bytes) -> NotifyResult:
        """Send one event to its user. Raises RedisError if Redis is unreachable; nothing was sent then."""
        with create_span("Notification Handler"):
            result = await self._handle(bot, body)
        metrics.NOTIFICATIONS_TOTAL.labels(result=result).inc()
        return result

    async def _handle(self, bot: Bot, body: bytes) -> NotifyResult:
        try:
            event = RequestStatusChanged.model_validate_json(body)
        except ValidationError:
            return NotifyResult.INVALID
        key = f"{self._key_prefix}:notified:{event.event_id}"
        with measured("notify"):
            is_first = await self._redis.set(key, "sending", nx=True, ex=_SENDING_SECONDS)
        if not is_first:
            # An event that is still being sent may yet fail, so the backend has to retry.
            with measured("notify"):
                progress = await self._redis.get(key)
            done = progress is not None and as_text(progress) == "done"
            return NotifyResult.DUPLICATE if done else NotifyResult.FAILED
        result = NotifyResult.FAILED
        try:
            result = await self._push(bot, event)
        finally:
            if result is NotifyResult.FAILED:
                with measured("notify"):
                    await self._redis.delete(key)
        if result is not NotifyResult.FAILED:
            await self._note_done(key)
        return result

    async def _note_done(self, key: str) -> None:
        try:
            with measured("notify"):
                await self._redis.set(key, "done", ex=_DONE_SECONDS)
        except RedisError as error:
            # The user has the message: if the backend repeated the event, they would read it twice.
            log.warning("notification_not_noted", reason=type(error).__name__)

    async def _push(self, bot: Bot, event: RequestStatusChanged) -> NotifyResult:
        with self._i18n.in_locale(closest_locale(event.language)):
            text = _("Your request {number} is now: {status}.").format(
                number=event.request_number, status=status_name(event.status)
            )
            keyboard = inline([(_("Open"), RequestOpen(id=event.request_id, page=1))])
        try:
            await bot.send_message(event.telegram_id, text, reply_markup=keyboard)
        except TelegramRetryAfter as error:
            await self._outbox.put(error.method, error.retry_after)
            return NotifyResult.QUEUED
        except (TelegramForbiddenError, TelegramBadRequest):
            return NotifyResult.BLOCKED
        except TelegramAPIError as error:
            log.warning("notification_failed", exception_type=type(error).__name__)
            if effect_of(error) is Effect.NONE:
                return NotifyResult.FAILED
            # It may have been sent: the backend would repeat a failed one, and the user would read it twice. It counts
            # as sent, and here as an error.
            metrics.ERRORS_TOTAL.labels(error_type="telegram_failed", severity="error").inc()
        return NotifyResult.SENT
