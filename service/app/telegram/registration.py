"""Registers the webhook with Telegram as the settings say, and exports Telegram's view of it.

Runs on one elected replica; the gauges are NaN on the others. It never drops pending updates.
"""

from collections.abc import Sequence

import structlog
from aiogram import Bot
from aiogram.exceptions import TelegramAPIError
from aiogram.types import WebhookInfo

from app.core import metrics
from app.core.election import Election
from app.core.settings import Settings

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

INTERVAL_SECONDS = 15.0
_UNKNOWN = float("nan")


class WebhookRegistration:
    """Registers the webhook; `check` is awaited every `INTERVAL_SECONDS`."""

    def __init__(self, bot: Bot, election: Election, settings: Settings, *, allowed_updates: Sequence[str]) -> None:
        self._bot = bot
        self._election = election
        self._url = settings.webhook_url
        self._secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else None
        self._max_connections = settings.telegram_max_connections
        self._allowed_updates = sorted(allowed_updates)
        self._secret_sent = False

    async def check(self) -> None:
        """Compare the registration and correct it. A failure of Telegram is only logged. Raises RedisError."""
        if not await self._election.leads():
            self._secret_sent = False
            self._export(None)
            return
        try:
            info = await self._bot.get_webhook_info()
            if self._url is not None and not self._is_right(info):
                await self._set()
                info = await self._bot.get_webhook_info()
        except TelegramAPIError as error:
            log.warning("webhook_not_checked", reason=type(error).__name__)
            self._export(None)
            return
        self._export(info)

    def _is_right(self, info: WebhookInfo) -> bool:
        # Telegram does not return the secret, which may have been rotated, so a newly elected replica sets it once.
        return (
            self._secret_sent
            and info.url == self._url
            and info.max_connections == self._max_connections
            and sorted(info.allowed_updates or []) == self._allowed_updates
        )

    async def _set(self) -> None:
        assert self._url is not None  # noqa: S101 - the caller looked
        await self._bot.set_webhook(
            self._url,
            max_connections=self._max_connections,
            allowed_updates=self._allowed_updates,
            drop_pending_updates=False,
            secret_token=self._secret,
        )
        self._secret_sent = True
        log.info("webhook_registered", url=self._url, allowed_updates=self._allowed_updates)

    def _export(self, info: WebhookInfo | None) -> None:
        metrics.WEBHOOK_PENDING_UPDATES.set(_UNKNOWN if info is None else info.pending_update_count)
        failed_at = None if info is None else info.last_error_date
        metrics.WEBHOOK_LAST_ERROR_TIMESTAMP_SECONDS.set(0 if failed_at is None else failed_at.timestamp())
