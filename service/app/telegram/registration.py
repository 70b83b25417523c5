"""Registers the webhook with Telegram as the settings say, and exports Telegram's view of it.

Runs on one elected replica; the gauges are NaN on the others. It never drops pending updates.

Telegram does not return the secret, and an election is no lock: a leader that was paused may still register an old
secret after another one was elected. So every replica that registers leaves its name in Redis, before and after the
call. The leader registers again when it finds another name, or when Telegram reports that an update was refused (401).
"""

import secrets
import time
from collections.abc import Callable, Sequence
from datetime import datetime

import structlog
from aiogram import Bot
from aiogram.exceptions import TelegramAPIError
from aiogram.types import WebhookInfo
from redis.asyncio import Redis

from app.core import metrics
from app.core.election import Election
from app.core.redis_metrics import measured
from app.core.settings import Settings

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

INTERVAL_SECONDS = 15.0
ELECTION_SECONDS = 1.0
"""How often a replica looks whether it leads, so that it follows a leader that resigned within a second."""

_UNKNOWN = float("nan")


class WebhookRegistration:
    """Registers the webhook; `run_once` is awaited every `ELECTION_SECONDS`. `registered_by` is a key in Redis.

    `clock` is monotonic.
    """

    def __init__(
        self,
        bot: Bot,
        election: Election,
        settings: Settings,
        *,
        redis: Redis,
        registered_by: str,
        allowed_updates: Sequence[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._next_check = 0.0
        self._redis = redis
        self._registered_by = registered_by
        self._name = secrets.token_hex(8)
        self._bot = bot
        self._election = election
        self._url = settings.webhook_url
        self._secret = settings.webhook_secret.get_secret_value() if settings.webhook_secret else None
        self._max_connections = settings.telegram_max_connections
        self._allowed_updates = sorted(allowed_updates)
        self._refused_at: datetime | None = None

    async def run_once(self) -> None:
        """Check at once when this replica becomes the leader, and then every `INTERVAL_SECONDS`. Raises RedisError."""
        if not await self._election.leads():
            self._next_check = self._clock()
            self._export(None)
            return
        if self._clock() < self._next_check:
            return
        self._next_check = self._clock() + INTERVAL_SECONDS
        await self._check()

    async def check(self) -> None:
        """Compare the registration and correct it, if this replica leads.

        A failure of Telegram is only logged. Raises RedisError.
        """
        if await self._election.leads():
            await self._check()
        else:
            self._export(None)

    async def _check(self) -> None:
        with measured("elect"):
            registrant = await self._redis.get(self._registered_by)
        try:
            info = await self._bot.get_webhook_info()
            if self._url is not None and not self._is_right(info, registrant):
                await self._set(self._url)
                info = await self._bot.get_webhook_info()
        except TelegramAPIError as error:
            log.warning("webhook_not_checked", reason=type(error).__name__)
            self._export(None)
            return
        self._export(info)

    def _is_right(self, info: WebhookInfo, registrant: bytes | str | None) -> bool:
        return (
            registrant == self._name.encode()
            and info.url == self._url
            and info.max_connections == self._max_connections
            and sorted(info.allowed_updates or []) == self._allowed_updates
            and not self._refused_again(info)
        )

    def _refused_again(self, info: WebhookInfo) -> bool:
        """Whether an update was refused since the last look: Telegram then sends another secret than ours."""
        # "Wrong response from the webhook: 401 Unauthorized", telegram-bot-api's WebhookActor.cpp.
        if "401" not in (info.last_error_message or "") or info.last_error_date == self._refused_at:
            return False
        self._refused_at = info.last_error_date
        return True

    async def _set(self, url: str) -> None:
        # Before the call too: a replica that dies after it must not stay unnoticed.
        await self._sign()
        await self._bot.set_webhook(
            url,
            max_connections=self._max_connections,
            allowed_updates=self._allowed_updates,
            drop_pending_updates=False,
            secret_token=self._secret,
        )
        await self._sign()
        log.info("webhook_registered", url=url, allowed_updates=self._allowed_updates)

    async def _sign(self) -> None:
        with measured("elect"):
            await self._redis.set(self._registered_by, self._name)

    def _export(self, info: WebhookInfo | None) -> None:
        metrics.WEBHOOK_PENDING_UPDATES.set(_UNKNOWN if info is None else info.pending_update_count)
        failed_at = None if info is None else info.last_error_date
        metrics.WEBHOOK_LAST_ERROR_TIMESTAMP_SECONDS.set(0 if failed_at is None else failed_at.timestamp())
