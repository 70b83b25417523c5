"""Error handlers: the user gets an error message, and the error is counted and logged.

The refusal or outage of a backend is handled here. Any other error is returned as unhandled after the error message, so
that the webhook counts the update as `failed`.
"""

from typing import Any

import structlog
from aiogram import F, Router
from aiogram.dispatcher.event.bases import UNHANDLED
from aiogram.exceptions import (
    TelegramAPIError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramRetryAfter,
    TelegramServerError,
)
from aiogram.filters import ExceptionTypeFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import ErrorEvent, Message, Update

from app.backends.errors import BackendRefusedError, BackendUnavailableError
from app.bot.error_messages import dialogue_expired_text, refusal_text, unavailable_text, unexpected_text
from app.bot.i18n import DEFAULT_LOCALE, CatalogueI18n
from app.bot.outbox import Outbox, deferrable
from app.bot.reply import replyable_event, send_reply
from app.bot.states import DialogueExpiredError
from app.core import metrics, tracing
from app.delivery.context import LeaseExpiredError, require_update
from app.telegram.refusals import is_refusal
from app.telegram.retries import Effect, effect_of

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

router = Router(name="Error")


@router.errors(ExceptionTypeFilter(BackendRefusedError))
async def refused(event: ErrorEvent, i18n: CatalogueI18n, language: str = DEFAULT_LOCALE) -> None:
    """Handle a 4xx response: not an error of the gateway, unless the backend refuses the service token."""
    error = event.exception
    assert isinstance(error, BackendRefusedError)  # noqa: S101 - the filter says so
    if error.status == 401:
        metrics.ERRORS_TOTAL.labels(error_type="service_token", severity="critical").inc()
        log.error("service_token_refused", service_name=error.service_name)
    with i18n.in_locale(language):
        await _send_error_message(event, refusal_text(error))


@router.errors(ExceptionTypeFilter(BackendUnavailableError))
async def unavailable(event: ErrorEvent, i18n: CatalogueI18n, language: str = DEFAULT_LOCALE) -> None:
    """Handle a backend that is down, or protected by its breaker or bulkhead."""
    require_update().degraded = True
    error = event.exception
    assert isinstance(error, BackendUnavailableError)  # noqa: S101 - the filter says so
    metrics.ERRORS_TOTAL.labels(error_type="backend_unavailable", severity="warning").inc()
    tracing.mark_failed(type(error).__name__)
    log.warning("backend_unavailable", service_name=error.service_name, error_type=error.error_type)
    with i18n.in_locale(language):
        await _send_error_message(event, unavailable_text(error))


@router.errors(ExceptionTypeFilter(DialogueExpiredError))
async def dialogue_expired(
    event: ErrorEvent, i18n: CatalogueI18n, state: FSMContext, language: str = DEFAULT_LOCALE
) -> None:
    """Leave a dialogue that cannot continue; otherwise every reply of the user would fail."""
    await state.clear()
    with i18n.in_locale(language):
        await _send_error_message(event, dialogue_expired_text())


@router.errors(ExceptionTypeFilter(LeaseExpiredError))
async def lease_expired(_event: ErrorEvent) -> Any:
    """Leave the update to the replica that has its chat lock by now; that one tells the user."""
    return UNHANDLED


@router.errors(ExceptionTypeFilter(TelegramForbiddenError))
async def blocked_by_user(_event: ErrorEvent) -> None:
    """Ignore that the user has blocked the bot: no message can reach them."""
    log.info("blocked_by_user")


@router.errors(ExceptionTypeFilter(TelegramBadRequest), F.exception.func(is_refusal))
async def refused_by_chat(_event: ErrorEvent) -> None:
    """Ignore that the bot may not write in this group: it is counted already, and a dead letter helps nobody."""
    log.info("refused_by_chat")


@router.errors(ExceptionTypeFilter(TelegramRetryAfter))
async def defer(event: ErrorEvent, outbox: Outbox) -> Any:
    """Defer a message that Telegram limits for longer than this update can wait."""
    error = event.exception
    assert isinstance(error, TelegramRetryAfter)  # noqa: S101 - the filter says so
    if not deferrable(error.method):
        return await telegram_failed(event)
    await outbox.put(error.method, error.retry_after, thread_id=_thread_of(event.update))
    log.warning("message_deferred", seconds=error.retry_after)
    return None


@router.errors(ExceptionTypeFilter(TelegramAPIError))
async def telegram_failed(event: ErrorEvent) -> Any:
    """Count a reply that Telegram refused; an error message would most likely be refused too."""
    metrics.ERRORS_TOTAL.labels(error_type="telegram_failed", severity="error").inc()
    if isinstance(event.exception, TelegramServerError) and effect_of(event.exception) is Effect.DONE:
        # Handled: to replay the update from the dead letters would send the message a second time.
        log.warning("message_deleted_by_telegram")
        return None
    log.error("telegram_failed", exception_type=type(event.exception).__name__, exc_info=event.exception)
    return UNHANDLED


@router.errors()
async def unexpected(event: ErrorEvent, i18n: CatalogueI18n, language: str = DEFAULT_LOCALE) -> Any:
    """Handle an error in the gateway itself."""
    exception_type = type(event.exception).__name__
    metrics.ERRORS_TOTAL.labels(error_type="handler_failed", severity="error").inc()
    metrics.EXCEPTIONS_TOTAL.labels(exception_type=exception_type).inc()
    tracing.mark_failed(exception_type)
    log.error("handler_failed", exception_type=exception_type, exc_info=event.exception)
    with i18n.in_locale(language):
        await _send_error_message(event, unexpected_text())
    return UNHANDLED


def _thread_of(update: Update) -> int | None:
    """Return the forum topic of the update's message."""
    message: Any = update.callback_query.message if update.callback_query else update.message
    return message.message_thread_id if isinstance(message, Message) and message.is_topic_message else None


async def _send_error_message(event: ErrorEvent, text: str) -> None:
    asked = replyable_event(event.update)
    if asked is None:
        return
    try:
        await send_reply(asked, text)
    except TelegramAPIError as error:
        # The original error is counted already; a failure to report it to the user must not hide it.
        metrics.ERRORS_TOTAL.labels(error_type="telegram_failed", severity="error").inc()
        log.warning("user_not_told", exception_type=type(error).__name__)
