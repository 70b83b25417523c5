"""The error message after the deadline of an update: its handler was cancelled, so it cannot reply itself."""

import asyncio

import structlog
from aiogram.exceptions import TelegramAPIError
from aiogram.types import Update

from app.bot.error_messages import deadline_text
from app.bot.i18n import CatalogueI18n, locale_of
from app.bot.reply import replyable_event, send_reply
from app.core import metrics
from app.delivery.context import LeaseExpiredError

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

SECONDS = 5.0
"""The time limit for the message. With the deadline of 45 s it ends before Telegram's own time-out at 60 s."""


class DeadlineNotice:
    """Sends the message once, in the user's language. A failure to send it is counted and logged, not raised."""

    def __init__(self, i18n: CatalogueI18n, *, seconds: float = SECONDS) -> None:
        self._i18n = i18n
        self._seconds = seconds

    async def __call__(self, update: Update) -> None:
        """Send the message to the sender of `update`."""
        asked = replyable_event(update)
        if asked is None:
            return
        try:
            with self._i18n.in_locale(locale_of(asked.from_user)):
                async with asyncio.timeout(self._seconds):
                    await send_reply(asked, deadline_text())
        except LeaseExpiredError:
            # Another replica handles the update, and tells the user what comes of it.
            return
        except (TelegramAPIError, TimeoutError) as error:
            metrics.ERRORS_TOTAL.labels(error_type="telegram_failed", severity="error").inc()
            log.warning("user_not_told", exception_type=type(error).__name__)
