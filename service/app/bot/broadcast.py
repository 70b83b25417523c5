"""Sends broadcasts: at most 20 messages per second, each recipient at most once, continuing after a crash.

Every replica runs a `Broadcaster`; the one that holds the lease sends. The admin sees the progress in one message that
is edited. Any 429 of Telegram pauses the broadcast for as long as it asks. Users known to have blocked the bot are
skipped.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar
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
from app.bot.broadcast_store import LEASE_SECONDS, Broadcast, BroadcastStore, LeaseLostError, Take
from app.bot.i18n import CatalogueI18n, LocaleContext, closest_locale
from app.core import metrics
from app.core.background import count_failure
from app.core.tasks import BackgroundTask
from app.telegram.blocked import BlockedUsers
from app.telegram.budget import SendBudget
from app.telegram.retries import OutcomeUnknownError

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# Telegram allows about 30 messages per second to different chats; ten are left for replies to users.
# https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
MESSAGES_PER_SECOND = 20
# At 20 per second, ten concurrent sends keep the pace while a send takes up to half a second.
_MAX_CONCURRENT_SENDS = 10
# A third of the lease: a long pause must not let it expire.
_LEASE_CHECK_SECONDS = 5.0
# Edits of one message count against the limit of its chat, which is about one per second.
_PROGRESS_SECONDS = 3.0
_DRAIN_SECONDS = 5.0
_IDLE_SECONDS = 1.0
_UNREACHABLE_SECONDS = 5.0
# Fifty ids fit into one message together with the counts.
_MAX_UNKNOWN_SHOWN = 50

_REDIS_RETRY_SECONDS = 0.5

Sleep = Callable[[float], Awaitable[None]]
_Result = TypeVar("_Result")


class Broadcaster:
    """The sender of one replica. `clock` is monotonic."""

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
        self._task = BackgroundTask("broadcaster")
        self._in_flight: set[asyncio.Task[None]] = set()
        self._next_send = 0.0
        self._next_progress = 0.0

    async def start(self, bot: Bot) -> None:
        """Start the task that sends queued broadcasts."""
        self._task.start(self._run(bot))

    async def close(self) -> None:
        """Stop sending and release the lease, so that another replica continues at once."""
        if not self._task.started:
            return
        await self._task.stop()
        await self._drain()
        with contextlib.suppress(RedisError):
            await self.store.release_lease()

    async def send_next(self, bot: Bot) -> bool:
        """Send the broadcast at the head of the queue if this replica holds the lease; return whether one was sent."""
        if not await self.store.hold_lease():
            return False
        broadcast = await self.store.head()
        if broadcast is None:
            return False
        unknown = await self.store.recover(broadcast.id)
        if unknown:
            log.warning("broadcast_resumed", broadcast_id=broadcast.id, unknown_outcome=unknown)
        try:
            await self._load(broadcast)
        except BackendRefusedError as error:
            # The author lost the right to it, for example. It would be refused for ever and block those behind it.
            await self._refuse(bot, broadcast, error)
            return True
        await self._send_all(bot, broadcast)
        await self._finish(bot, broadcast.id)
        return True

    async def _run(self, bot: Bot) -> None:
        unavailable = False
        while True:
            sent = False
            try:
                sent = await self.send_next(bot)
                metrics.BROADCAST_QUEUE_RECIPIENTS.set(await self.store.waiting())
                unavailable = False
            except RedisError as error:
                metrics.BROADCAST_QUEUE_RECIPIENTS.set(float("nan"))
                # Once per outage: repeated every second, mostly with no broadcast, it would bury other lines.
                if not unavailable:
                    log.warning("broadcast_queue_unavailable", exception_type=type(error).__name__)
                unavailable = True
            except LeaseLostError:
                log.warning("broadcast_taken_over")
            except BackendUnavailableError as error:
                log.warning("broadcast_recipients_unavailable", service_name=error.service_name)
            except Exception as error:
                count_failure(error)
                log.exception("background_work_failed", work="broadcaster")
            if not sent:
                await self._sleep(_IDLE_SECONDS)

    async def _load(self, broadcast: Broadcast) -> None:
        """Read the recipients page by page; pages that are stored already are not read again."""
        current: Broadcast | None = broadcast
        while current is not None and not current.loaded:
            page = await self._users.recipients(current.author, current.role, after=current.after)
            everyone = [item.telegram_id for item in page.items]
            blocked = await self._blocked.blocked_among(everyone)
            reachable = [recipient for recipient in everyone if recipient not in blocked]
            await self.store.load(current, reachable, page.next, unreachable=len(blocked))
            if not await self.store.hold_lease():
                raise LeaseLostError
            current = await self.store.get(broadcast.id)

    async def _send_all(self, bot: Bot, broadcast: Broadcast) -> None:
        """Send until no recipient is left. Raises LeaseLostError."""
        try:
            while True:
                await self._pace()
                await self._show_progress(bot, broadcast.id)
                take = await self._take(broadcast.id)
                if take is not None:
                    self._in_flight.add(asyncio.create_task(self._send(bot, broadcast, take)))
                elif not self._in_flight:
                    return
                if take is None or len(self._in_flight) >= _MAX_CONCURRENT_SENDS:
                    done, self._in_flight = await asyncio.wait(self._in_flight, return_when=asyncio.FIRST_COMPLETED)
                    # Each is asked, or asyncio reports the second failure as never retrieved.
                    errors = [error for task in done if (error := task.exception()) is not None]
                    if errors:
                        raise errors[0]
        finally:
            await self._drain()

    async def _take(self, broadcast_id: str) -> Take | None:
        # The same number each time: Redis may have performed the take although its reply was lost.
        number = self.store.next_take()
        return await self._until_reply(lambda: self.store.take(broadcast_id, number))

    async def _until_reply(self, call: Callable[[], Awaitable[_Result]]) -> _Result:
        """Repeat a script until Redis replies, for as long as the lease may last. Raises RedisError."""
        give_up_at = self._clock() + LEASE_SECONDS
        while True:
            try:
                return await call()
            except RedisError:
                if self._clock() + _REDIS_RETRY_SECONDS > give_up_at:
                    raise
            await self._sleep(_REDIS_RETRY_SECONDS)

    async def _drain(self) -> None:
        """Wait for the sends in flight, so that their outcome is known, but not so long that shutdown is held up."""
        if not self._in_flight:
            return
        _done, late = await asyncio.wait(self._in_flight, timeout=_DRAIN_SECONDS)
        for task in late:
            task.cancel()
        await asyncio.gather(*self._in_flight, return_exceptions=True)
        self._in_flight.clear()

    async def _pace(self) -> None:
        """Wait until the next send is due and keep the lease meanwhile: after a 429 the wait may be long."""
        while True:
            if not await self.store.hold_lease():
                raise LeaseLostError
            if self._budget is not None:
                self._next_send = max(self._next_send, self._clock() + await self._budget.broadcast_pause())
            wait = self._next_send - self._clock()
            if wait <= 0:
                break
            await self._sleep(min(wait, _LEASE_CHECK_SECONDS))
        self._next_send = max(self._next_send, self._clock()) + 1 / MESSAGES_PER_SECOND

    async def _send(self, bot: Bot, broadcast: Broadcast, take: Take) -> None:
        outcome = "doubt"
        try:
            await bot.send_message(take.recipient, broadcast.text)
            outcome = "sent"
        except TelegramRetryAfter as error:
            outcome = "pending"
            self._next_send = max(self._next_send, self._clock() + error.retry_after)
        except (TelegramForbiddenError, TelegramBadRequest):
            outcome = "failed"
        except TelegramNetworkError as error:
            if not isinstance(error, OutcomeUnknownError):
                # The message never left this process, so it is safe to send it again later.
                outcome = "pending"
                self._next_send = max(self._next_send, self._clock() + _UNREACHABLE_SECONDS)
            log.warning("broadcast_send_failed", exception_type=type(error).__name__, outcome=outcome)
        except TelegramAPIError as error:
            # The error does not say whether the message was sent, so it must not be sent again.
            log.warning("broadcast_send_in_doubt", exception_type=type(error).__name__)
        await self._until_reply(lambda: self.store.settle(broadcast.id, take, outcome))

    async def _show_progress(self, bot: Bot, broadcast_id: str) -> None:
        if self._clock() < self._next_progress:
            return
        self._next_progress = self._clock() + _PROGRESS_SECONDS
        metrics.BROADCAST_QUEUE_RECIPIENTS.set(await self.store.waiting())
        broadcast = await self.store.get(broadcast_id)
        if broadcast is not None:
            with self._in_author_locale(broadcast):
                text = _("Broadcast: {done} of {total}.").format(
                    done=broadcast.sent + broadcast.failed, total=broadcast.total
                )
            await _edit(bot, broadcast, text)

    async def _finish(self, bot: Bot, broadcast_id: str) -> None:
        """Tell the author the counts. A crash in between repeats it: the edit and the removal change nothing twice."""
        # A take whose reply was lost for good: nobody sends to that recipient any more.
        await self.store.recover(broadcast_id)
        first = await self.store.conclude(broadcast_id)
        broadcast = await self.store.get(broadcast_id)
        if first is None or broadcast is None:
            return
        unknown = await self.store.with_unknown_outcome(broadcast_id)
        unaccounted = broadcast.total - broadcast.sent - broadcast.failed - len(unknown)
        if first:
            metrics.BROADCASTS_SENT_TOTAL.labels(target_role=broadcast.role or "all").inc()
            metrics.BROADCAST_RECIPIENTS.observe(broadcast.total)
            if unaccounted:
                log.error("broadcast_unaccounted", broadcast_id=broadcast_id, recipients=unaccounted)
        with self._in_author_locale(broadcast):
            await _edit(bot, broadcast, _report(broadcast, unknown, unaccounted))
        await self.store.remove(broadcast_id)

    async def _refuse(self, bot: Bot, broadcast: Broadcast, error: BackendRefusedError) -> None:
        log.warning("broadcast_refused", broadcast_id=broadcast.id, service_name=error.service_name, code=error.code)
        with self._in_author_locale(broadcast):
            text = _("The broadcast was not sent: your account may not send to these recipients.")
        await _edit(bot, broadcast, text)
        await self.store.remove(broadcast.id)

    def _in_author_locale(self, broadcast: Broadcast) -> LocaleContext:
        return self._i18n.in_locale(closest_locale(broadcast.language))


async def _edit(bot: Bot, broadcast: Broadcast, text: str) -> None:
    try:
        await bot.edit_message_text(text, chat_id=broadcast.chat_id, message_id=broadcast.progress_message_id)
    except TelegramAPIError as error:
        # A progress message that cannot be edited must not stop the broadcast.
        log.info("broadcast_progress_not_shown", exception_type=type(error).__name__)


def _report(broadcast: Broadcast, unknown: list[TelegramId], unaccounted: int) -> str:
    lines = [
        _("Broadcast finished. Sent: {sent}, not reachable: {failed}, unknown: {unknown}.").format(
            sent=broadcast.sent, failed=broadcast.failed, unknown=len(unknown)
        )
    ]
    if unknown:
        shown = ", ".join(str(recipient) for recipient in unknown[:_MAX_UNKNOWN_SHOWN])
        lines.append(_("May or may not have received it, not sent again: {ids}").format(ids=shown))
    if unaccounted:
        lines.append(_("Missing in these numbers: {count}. Please tell the support.").format(count=unaccounted))
    return "\n".join(lines)
