"""What a user is told when the time for their update is over: the handler was ended, so nobody else tells them."""

import asyncio

import structlog
from aiogram.exceptions import TelegramAPIError
from aiogram.types import Update

from app.bot.failures import late_text
from app.bot.i18n import CatalogueI18n, locale_of
from app.bot.reply import event_of, tell
from app.core import metrics
from app.delivery.context import UpdateContext

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

SECONDS = 5.0
"""Longest time for telling. With the deadline of 45 s it ends well before Telegram gives the delivery up at 60 s."""


class DeadlineNotice:
    """Says it once, in the user's language; that it could not be said is counted, and hides nothing else."""

    def __init__(self, i18n: CatalogueI18n, *, seconds: float = SECONDS) -> None:
        self._i18n = i18n
        self._seconds = seconds

    async def __call__(self, update: Update, update_context: UpdateContext) -> None:
        """Tell whoever sent `update`."""
        asked = event_of(update)
        if asked is None:
            return
        try:
            with self._i18n.speaking(locale_of(update_context, asked.from_user)):
                async with asyncio.timeout(self._seconds):
                    await tell(asked, late_text())
        except (TelegramAPIError, TimeoutError) as error:
            metrics.ERRORS_TOTAL.labels(error_type="telegram_failed", severity="error").inc()
            log.warning("user_not_told", exception_type=type(error).__name__)
