"""What happens when a handler raises: the user is told, it is counted and logged.

A backend's refusal or outage is handled by this; anything else stays unhandled after the user was told, so that the
webhook counts the update as `failed`.
"""

from typing import Any

import structlog
from aiogram import Router
from aiogram.dispatcher.event.bases import UNHANDLED
from aiogram.exceptions import TelegramAPIError, TelegramForbiddenError, TelegramRetryAfter
from aiogram.filters import ExceptionTypeFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import ErrorEvent

from app.backends.errors import BackendRefusedError, BackendUnavailableError
from app.bot.failures import refusal_text, stale_dialog_text, unavailable_text, unexpected_text
from app.bot.i18n import DEFAULT_LOCALE, CatalogueI18n
from app.bot.outbox import Outbox, deferrable
from app.bot.reply import event_of, tell
from app.bot.states import StaleDialogError
from app.core import metrics, tracing

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

router = Router(name="Error")


@router.errors(ExceptionTypeFilter(BackendRefusedError))
async def refused(event: ErrorEvent, i18n: CatalogueI18n, language: str = DEFAULT_LOCALE) -> None:
    """The backend said no: an answer, not a failure, unless it is our own token that it does not take."""
    error = event.exception
    assert isinstance(error, BackendRefusedError)  # noqa: S101 - the filter says so
    if error.status == 401:
        metrics.ERRORS_TOTAL.labels(error_type="service_token", severity="critical").inc()
        log.error("service_token_refused", service_name=error.service_name)
    with i18n.speaking(language):
        await _tell_user(event, refusal_text(error))


@router.errors(ExceptionTypeFilter(BackendUnavailableError))
async def unavailable(event: ErrorEvent, i18n: CatalogueI18n, language: str = DEFAULT_LOCALE) -> None:
    """A backend is down or protected from us."""
    error = event.exception
    assert isinstance(error, BackendUnavailableError)  # noqa: S101 - the filter says so
    metrics.ERRORS_TOTAL.labels(error_type="backend_unavailable", severity="warning").inc()
    tracing.mark_failed(type(error).__name__)
    log.warning("backend_unavailable", service_name=error.service_name, error_type=error.error_type)
    with i18n.speaking(language):
        await _tell_user(event, unavailable_text(error))


@router.errors(ExceptionTypeFilter(StaleDialogError))
async def stale_dialog(
    event: ErrorEvent, i18n: CatalogueI18n, state: FSMContext, language: str = DEFAULT_LOCALE
) -> None:
    """A dialogue that cannot go on: leave it, or the user would be caught in it."""
    await state.clear()
    with i18n.speaking(language):
        await _tell_user(event, stale_dialog_text())


@router.errors(ExceptionTypeFilter(TelegramForbiddenError))
async def blocked_by_user(_event: ErrorEvent) -> None:
    """The user has blocked the bot: nobody is left to tell."""
    log.info("blocked_by_user")


@router.errors(ExceptionTypeFilter(TelegramRetryAfter))
async def put_off(event: ErrorEvent, outbox: Outbox) -> Any:
    """Telegram takes the message later than this update can wait: the outbox does the waiting."""
    error = event.exception
    assert isinstance(error, TelegramRetryAfter)  # noqa: S101 - the filter says so
    if not deferrable(error.method):
        return await telegram_failed(event)
    await outbox.put(error.method, error.retry_after)
    log.warning("message_put_off", seconds=error.retry_after)
    return None


@router.errors(ExceptionTypeFilter(TelegramAPIError))
async def telegram_failed(event: ErrorEvent) -> Any:
    """Telegram took the answer for wrong or did not take it at all; another message would fare no better."""
    metrics.ERRORS_TOTAL.labels(error_type="telegram_failed", severity="error").inc()
    log.error("telegram_failed", exception_type=type(event.exception).__name__, exc_info=event.exception)
    return UNHANDLED


@router.errors()
async def unexpected(event: ErrorEvent, i18n: CatalogueI18n, language: str = DEFAULT_LOCALE) -> Any:
    """A fault of ours."""
    exception_type = type(event.exception).__name__
    metrics.ERRORS_TOTAL.labels(error_type="handler_failed", severity="error").inc()
    metrics.EXCEPTIONS_TOTAL.labels(exception_type=exception_type).inc()
    tracing.mark_failed(exception_type)
    log.error("handler_failed", exception_type=exception_type, exc_info=event.exception)
    with i18n.speaking(language):
        await _tell_user(event, unexpected_text())
    return UNHANDLED


async def _tell_user(event: ErrorEvent, text: str) -> None:
    asked = event_of(event.update)
    if asked is None:
        return
    try:
        await tell(asked, text)
    except TelegramAPIError as error:
        # The failure itself is counted already; that it could not be told must not hide it.
        metrics.ERRORS_TOTAL.labels(error_type="telegram_failed", severity="error").inc()
        log.warning("user_not_told", exception_type=type(error).__name__)
