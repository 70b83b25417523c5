"""Receives updates with `getUpdates`, for a bot without a public address.

Unlike aiogram's polling it confirms an update only after its commit, so that a killed replica loses none; and it reads
updates undecoded, so that one of an unknown type does not block those behind it. One elected replica polls; the others
stand by. At shutdown `drain`, `confirm` and the election's resignation hand over to another replica at once.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from typing import Any, ClassVar

import orjson
import structlog
from aiogram import Bot
from aiogram.exceptions import TelegramAPIError, TelegramConflictError, TelegramRetryAfter
from aiogram.methods import GetUpdates

from app.core import metrics
from app.core.election import Election
from app.core.logging import current_update_id
from app.core.tracing import create_span
from app.delivery.intake import Intake
from app.delivery.pipeline import Outcome

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

BATCH = 100
LONG_POLL_SECONDS = 10
ELECTION_SECONDS = 60.0
_CONFIRM_SECONDS = 3
_MAX_TAKEOVERS = 3
_TAKEOVER_WINDOW_SECONDS = 3600.0
"""So often in this window, a webhook that another program sets is deleted; after that a person must decide."""

_CONFLICTS_UNTIL_NOT_READY = 3
_RETRIED_OUTCOMES = frozenset({Outcome.UNAVAILABLE, Outcome.BUSY})


class GetRawUpdates(GetUpdates):
    """`getUpdates` without decoding its result."""

    __returning__ = list[dict[str, Any]]
    raw_result: ClassVar[bool] = True


class Polling:
    """Polls while this replica is elected; `poll_once` is awaited in a loop.

    `report` is told why no updates can be received, and an empty string once they can be.
    """

    def __init__(
        self,
        bot: Bot,
        intake: Intake,
        election: Election,
        *,
        allowed_updates: list[str],
        report: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        self._bot = bot
        self._report = report
        self._conflicts = 0
        self._takeovers: deque[float] = deque(maxlen=_MAX_TAKEOVERS)
        self._unhandled: list[int] = []
        self._intake = intake
        self._election = election
        self._allowed_updates = allowed_updates
        self._offset: int | None = None
        self._asked: int | None = None
        """The offset of the last getUpdates, which confirms what is before it as soon as Telegram receives it."""

        self._webhook_deleted = False
        self._draining = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()

    async def poll_once(self) -> None:
        """Fetch and handle one batch; the next call confirms it. Raises RedisError."""
        if self._draining.is_set():
            return
        self._idle.clear()
        try:
            await self._poll()
        finally:
            self._idle.set()

    async def drain(self) -> None:
        """Fetch no more, and wait until the updates in flight are handled; then `confirm` tells Telegram.

        Updates of the batch that were not begun are left to the next poller.
        """
        self._draining.set()
        await self._idle.wait()

    async def _poll(self) -> None:
        if not await self._election.leads():
            self._offset = None
            self._unhandled = []
            return
        try:
            batch = await self._fetch_unless_draining()
        except TelegramRetryAfter as error:
            await self._sleep_unless_draining(error.retry_after)
            return
        except TelegramConflictError as error:
            await self._handle_conflict(error)
            return
        except TelegramAPIError as error:
            metrics.ERRORS_TOTAL.labels("telegram_failed", "warning").inc()
            log.warning("polling_failed", reason=type(error).__name__)
            await self._sleep_unless_draining(1)
            return
        if self._conflicts:
            log.info("polling_resumed", conflicts=self._conflicts)
            self._conflicts = 0
            self._report("")
        self._unhandled = sorted(raw["update_id"] for raw in batch)
        by_queue: dict[int, list[dict[str, Any]]] = {}
        for raw in batch:
            by_queue.setdefault(_queue_of(raw), []).append(raw)
        # Without `return_exceptions`, gather returns at the first failure or cancellation and the other chats' updates
        # continue unobserved.
        results = await asyncio.gather(
            *(self._handle_in_order(updates) for updates in by_queue.values()), return_exceptions=True
        )
        for failure in results:
            if failure is not None:
                raise failure
        if batch and not self._unhandled:
            self._offset = max(raw["update_id"] for raw in batch) + 1

    async def confirm(self) -> None:
        """Confirm the handled updates at shutdown, after `poll_once`; the next poller does not get them again."""
        offset = self._unhandled[0] if self._unhandled else self._offset
        if offset is None or offset == self._asked:
            # Telegram would hold back a second call with the same offset for three seconds.
            return
        method = GetRawUpdates(offset=offset, limit=1, timeout=0, allowed_updates=self._allowed_updates)
        with contextlib.suppress(TelegramAPIError):
            await self._bot(method, request_timeout=_CONFIRM_SECONDS)

    async def _handle_conflict(self, error: TelegramConflictError) -> None:
        """Another program set a webhook, or polls. Delete its webhook, but not forever: it may be right."""
        metrics.ERRORS_TOTAL.labels("telegram_failed", "warning").inc()
        self._conflicts += 1
        by_webhook = "webhook" in error.message.lower()
        metrics.POLLING_CONFLICTS_TOTAL.labels("webhook" if by_webhook else "poller").inc()
        reason = "another program has set a webhook" if by_webhook else "another program polls for this bot"
        if self._conflicts == 1:
            log.error("polling_conflict", reason=reason)
        now = asyncio.get_running_loop().time()
        may_take_over = len(self._takeovers) < _MAX_TAKEOVERS or now - self._takeovers[0] > _TAKEOVER_WINDOW_SECONDS
        if by_webhook and may_take_over:
            self._takeovers.append(now)
            self._webhook_deleted = False
        if self._conflicts >= _CONFLICTS_UNTIL_NOT_READY:
            self._report(f"cannot poll: {reason}")
        await self._sleep_unless_draining(1)

    async def _sleep_unless_draining(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._draining.wait(), seconds)

    async def _fetch_unless_draining(self) -> list[dict[str, Any]]:
        """Fetch a batch; none if the drain begins first. Telegram gives the next poller what was on its way."""
        fetching = asyncio.create_task(self._fetch())
        draining = asyncio.create_task(self._draining.wait())
        try:
            await asyncio.wait({fetching, draining}, return_when=asyncio.FIRST_COMPLETED)
            return [] if self._draining.is_set() else await fetching
        finally:
            for task in (fetching, draining):
                task.cancel()
            await asyncio.gather(fetching, draining, return_exceptions=True)

    async def _fetch(self) -> list[dict[str, Any]]:
        if not self._webhook_deleted:
            await self._bot.delete_webhook(drop_pending_updates=False)
            self._webhook_deleted = True
        method = GetRawUpdates(
            offset=self._offset, limit=BATCH, timeout=LONG_POLL_SECONDS, allowed_updates=self._allowed_updates
        )
        self._asked = self._offset
        try:
            updates: Any = await self._bot(method, request_timeout=LONG_POLL_SECONDS + 5)
        except Exception:
            # It may not have arrived.
            self._asked = None
            raise
        return [raw for raw in updates if isinstance(raw, dict) and isinstance(raw.get("update_id"), int)]

    async def _handle_in_order(self, updates: list[dict[str, Any]]) -> None:
        for raw in updates:
            if self._draining.is_set():
                return
            body = _dumps(raw)
            outcome = await self._handle(body)
            while outcome in _RETRIED_OUTCOMES:
                await asyncio.sleep(1)
                if self._draining.is_set():
                    return
                outcome = await self._handle(body)
            self._unhandled.remove(raw["update_id"])

    async def _handle(self, body: bytes) -> Outcome:
        current_update_id.set(None)
        with create_span("/polling"):
            outcome = await self._intake.take(body)
        metrics.WEBHOOK_REQUESTS_TOTAL.labels(outcome).inc()
        return outcome


def _dumps(raw: dict[str, Any]) -> bytes:
    """Encode an update. One with lone surrogates stays as unreadable as it came, so that it becomes a dead letter."""
    try:
        return orjson.dumps(raw)
    except TypeError:
        return json.dumps(raw).encode()


def _queue_of(raw: dict[str, Any]) -> int:
    """The chat or user whose updates must stay in order; 0 for updates with neither."""
    for name, event in raw.items():
        if name == "update_id" or not isinstance(event, dict):
            continue
        chat = event.get("chat") or (event.get("message") or {}).get("chat") or event.get("from") or {}
        queue = chat.get("id") if isinstance(chat, dict) else None
        return queue if isinstance(queue, int) else 0
    return 0
