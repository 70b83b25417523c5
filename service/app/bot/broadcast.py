"""Sends broadcasts: at most 20 messages a second, each recipient at most once, going on after a kill.

Every replica runs a `Broadcaster`; the one that holds the lease sends. Progress is shown to the admin by editing one
message. A 429 pauses it for as long as Telegram asks, whoever got it. Users known to have blocked the bot are left out.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from uuid import uuid4

import structlog
from aiogram import Bot
from aiogram.exceptions import (
    TelegramAPIError,
    TelegramBadRequest,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
)
from aiogram.utils.i18n import gettext as _
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.backends.errors import BackendRefusedError, BackendUnavailableError
from app.backends.models import TelegramId
from app.backends.user import UserService
from app.bot.broadcast_store import Broadcast, BroadcastStore, LeaseLostError
from app.bot.i18n import CatalogueI18n, Speaking, closest_locale
from app.core import metrics
from app.core.background import count_failure
from app.core.tasks import end
from app.telegram.blocked import BlockedUsers
from app.telegram.budget import SendBudget
from app.telegram.outcome import OutcomeUnknownError

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

MESSAGES_PER_SECOND = 20
_AT_ONCE = 10
_LONGEST_SLEEP_SECONDS = 5.0
_PROGRESS_SECONDS = 3.0
_FINISH_SECONDS = 5.0
_IDLE_SECONDS = 1.0
_UNREACHABLE_SECONDS = 5.0
_SHOWN_IN_DOUBT = 50

Sleep = Callable[[float], Awaitable[None]]


class Broadcaster:
    """One replica's sender. `clock` is monotonic."""

    def __init__(
        self,
        redis: Redis,
        users: UserService,
        i18n: CatalogueI18n,
        *,
        blocked: BlockedUsers,
        budget: SendBudget | None = None,
        key_prefix: str,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.store = BroadcastStore(redis, key_prefix=key_prefix, token=uuid4().hex)
        self._users = users
        self._i18n = i18n
        self._blocked = blocked
        self._budget = budget
        self._clock = clock
        self._sleep = sleep
        self._task: asyncio.Task[None] | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._next_send = 0.0
        self._next_progress = 0.0

    async def start(self, bot: Bot) -> None:
        """Begin to look for broadcasts."""
        self._task = asyncio.create_task(self._run(bot), name="broadcaster")

    async def close(self) -> None:
        """Stop sending; another replica goes on."""
        if self._task is None:
            return
        await end(self._task)
        await self._let_finish()
        with contextlib.suppress(RedisError):
            await self.store.resign()

    async def step(self, bot: Bot) -> bool:
        """Send the first broadcast to its end, if there is one and the lease is ours; returns whether it was sent."""
        if not await self.store.lead():
            return False
        broadcast = await self.store.first()
        if broadcast is None:
            return False
        in_doubt = await self.store.recover(broadcast.id)
        if in_doubt:
            log.warning("broadcast_resumed", broadcast_id=broadcast.id, in_doubt=in_doubt)
        await self._load(broadcast)
        await self._send_all(bot, broadcast)
        await self._finish(bot, broadcast.id)
        return True

    async def _run(self, bot: Bot) -> None:
        while True:
            sent = False
            try:
                sent = await self.step(bot)
                metrics.BROADCAST_QUEUE_RECIPIENTS.set(await self.store.waiting())
            except RedisError as error:
                metrics.BROADCAST_QUEUE_RECIPIENTS.set(float("nan"))
                log.warning("broadcast_interrupted", exception_type=type(error).__name__)
            except LeaseLostError:
                log.warning("broadcast_taken_over")
            except (BackendUnavailableError, BackendRefusedError) as error:
                log.warning("broadcast_recipients_unavailable", service_name=error.service_name)
            except Exception as error:
                count_failure(error)
                log.exception("background_work_failed", work="broadcaster")
            if not sent:
                await self._sleep(_IDLE_SECONDS)

    async def _load(self, broadcast: Broadcast) -> None:
        """Read the recipients page by page; a page that was read before is not read again."""
        current: Broadcast | None = broadcast
        while current is not None and not current.loaded:
            page = await self._users.recipients(current.author, current.role, after=current.after)
            everyone = [item.telegram_id for item in page.items]
            blocked = await self._blocked.among(everyone)
            reachable = [recipient for recipient in everyone if recipient not in blocked]
            await self.store.load(current, reachable, page.next, unreachable=len(blocked))
            if not await self.store.lead():
                raise LeaseLostError
            current = await self.store.get(broadcast.id)

    async def _send_all(self, bot: Bot, broadcast: Broadcast) -> None:
        """Send until nobody is left. Raises LeaseLostError."""
        try:
            while True:
                await self._pace()
                await self._show_progress(bot, broadcast.id)
                recipient = await self.store.take(broadcast.id)
                if recipient is not None:
                    self._under_way.add(asyncio.create_task(self._send(bot, broadcast, recipient)))
                elif not self._under_way:
                    return
                if recipient is None or len(self._under_way) >= _AT_ONCE:
                    done, self._under_way = await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
                    for task in done:
                        task.result()
        finally:
            await self._let_finish()

    async def _let_finish(self) -> None:
        """What is under way may end, so that its recipient is not left in doubt, but not hold up the process's end."""
        if not self._under_way:
            return
        _done, late = await asyncio.wait(self._under_way, timeout=_FINISH_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)
        self._under_way.clear()

    async def _pace(self) -> None:
        """Wait for the next send's time, holding the lease meanwhile: after a 429 it may be far."""
        while True:
            if not await self.store.lead():
                raise LeaseLostError
            if self._budget is not None:
                self._next_send = max(self._next_send, self._clock() + await self._budget.broadcast_pause())
            wait = self._next_send - self._clock()
            if wait <= 0:
                break
            await self._sleep(min(wait, _LONGEST_SLEEP_SECONDS))
        self._next_send = max(self._next_send, self._clock()) + 1 / MESSAGES_PER_SECOND

    async def _send(self, bot: Bot, broadcast: Broadcast, recipient: TelegramId) -> None:
        outcome = "doubt"
        try:
            await bot.send_message(recipient, broadcast.text)
            outcome = "sent"
        except TelegramRetryAfter as error:
            outcome = "pending"
            self._next_send = max(self._next_send, self._clock() + error.retry_after)
        except (TelegramForbiddenError, TelegramBadRequest):
            outcome = "failed"
        except TelegramNetworkError as error:
            if not isinstance(error, OutcomeUnknownError):
                # It never left, and the next one would not either.
                outcome = "pending"
                self._next_send = max(self._next_send, self._clock() + _UNREACHABLE_SECONDS)
            log.warning("broadcast_send_failed", exception_type=type(error).__name__, outcome=outcome)
        except TelegramAPIError as error:
            # It does not say whether the message went out.
            log.warning("broadcast_send_in_doubt", exception_type=type(error).__name__)
        await self.store.settle(broadcast.id, recipient, outcome)

    async def _show_progress(self, bot: Bot, broadcast_id: str) -> None:
        if self._clock() < self._next_progress:
            return
        self._next_progress = self._clock() + _PROGRESS_SECONDS
        metrics.BROADCAST_QUEUE_RECIPIENTS.set(await self.store.waiting())
        broadcast = await self.store.get(broadcast_id)
        if broadcast is not None:
            with self._speaking(broadcast):
                text = _("Broadcast: {done} of {total}.").format(
                    done=broadcast.sent + broadcast.failed, total=broadcast.total
                )
            await _edit(bot, broadcast, text)

    async def _finish(self, bot: Bot, broadcast_id: str) -> None:
        broadcast = await self.store.get(broadcast_id)
        if broadcast is None or not await self.store.finish(broadcast_id):
            return
        metrics.BROADCASTS_SENT_TOTAL.labels(target_role=broadcast.role or "all").inc()
        metrics.BROADCAST_RECIPIENTS.observe(broadcast.total)
        in_doubt = await self.store.in_doubt(broadcast_id)
        with self._speaking(broadcast):
            text = _("Broadcast finished. Sent: {sent}, not reachable: {failed}, in doubt: {doubt}.").format(
                sent=broadcast.sent, failed=broadcast.failed, doubt=len(in_doubt)
            )
            if in_doubt:
                shown = ", ".join(str(recipient) for recipient in in_doubt[:_SHOWN_IN_DOUBT])
                text += "\n" + _("In doubt, not tried again: {ids}").format(ids=shown)
        await _edit(bot, broadcast, text)

    def _speaking(self, broadcast: Broadcast) -> Speaking:
        return self._i18n.speaking(closest_locale(broadcast.language))


async def _edit(bot: Bot, broadcast: Broadcast, text: str) -> None:
    try:
        await bot.edit_message_text(text, chat_id=broadcast.chat_id, message_id=broadcast.progress_message_id)
    except TelegramAPIError as error:
        # The broadcast matters, its progress message does not.
        log.info("broadcast_progress_not_shown", exception_type=type(error).__name__)
