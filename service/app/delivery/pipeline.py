"""One update from claim to commit, from the webhook or from polling."""

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog
from aiogram.types import Update
from redis.exceptions import RedisError

from app.core import metrics
from app.core.activity import Activity
from app.core.closed_sets import Outcome as Outcome
from app.core.logging import current_update_id
from app.core.redis_batch import RedisUnavailableError
from app.core.tracing import add_span_attribute, mark_failed, start_span
from app.delivery.claims import Claim, Claims, Refusal
from app.delivery.context import UpdateContext, current_update
from app.delivery.first_delivery import FirstDeliveries, sent_at
from app.delivery.keys import UpdateOrigin
from app.delivery.origin import origin_of

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_REDIS_FAILED = (RedisUnavailableError, RedisError)

Dispatch = Callable[[Update], Awaitable[object]]
"""Runs with the update's context as `current_update`."""


ENDED = frozenset({Outcome.HANDLED, Outcome.DEGRADED, Outcome.FAILED})
"""The outcomes after which Telegram does not redeliver and the user has a reply or an error message."""


class Pipeline:
    """Claims, dispatches, commits. `known_states` limits the labels of the transition counter.

    `notify_deadline` is called for an update whose handler was ended by the deadline; it limits its own time and does
    not raise.
    """

    def __init__(
        self,
        claims: Claims,
        dispatch: Dispatch,
        activity: Activity,
        first_deliveries: FirstDeliveries,
        *,
        notify_deadline: Dispatch,
        deadline_seconds: float,
        known_states: frozenset[str],
    ) -> None:
        self._claims = claims
        self._dispatch = dispatch
        self._activity = activity
        self._first_deliveries = first_deliveries
        self._notify_deadline = notify_deadline
        self._deadline_seconds = deadline_seconds
        self._known_states = known_states

    async def handle(
        self, update: Update, message_type: str, store_dead_letter: Callable[[], Awaitable[bool]]
    ) -> Outcome:
        """Handle one update. Does not raise for failures of a handler or Redis; cancellation releases the chat lock.

        `store_dead_letter` stores an update whose handler failed and returns whether it could.
        """
        current_update_id.set(update.update_id)
        origin = origin_of(update)
        add_span_attribute("user_id", origin.user_id)
        add_span_attribute("message_type", message_type)
        deadline = asyncio.get_running_loop().time() + self._deadline_seconds
        try:
            claim, sent = await self._claim(update, origin, deadline)
        except _REDIS_FAILED as error:
            return self._redis_failed(error)
        if claim is Refusal.DUPLICATE:
            metrics.DUPLICATE_UPDATES_TOTAL.inc()
            return Outcome.DUPLICATE
        if isinstance(claim, Refusal):
            return Outcome.BUSY
        # A sibling of the others, not their parent: in the documented trace, auth, handler and metrics are children
        # of /webhook.
        processing = start_span("process_message", attributes={"user_id": origin.user_id, "message_type": message_type})
        try:
            outcome = await self._handle_claimed(update, claim, store_dead_letter)
        finally:
            processing.end()
        if outcome in ENDED:
            # Never negative: Telegram's clock and this one may differ.
            metrics.UPDATE_END_TO_END_DURATION_SECONDS.observe(max(0.0, time.time() - sent))
        return outcome

    async def _claim(self, update: Update, origin: UpdateOrigin, deadline: float) -> tuple[Claim | Refusal, float]:
        """Return the claim, and when the update was sent."""
        sent = sent_at(update)
        if sent is not None:
            return await self._claims.claim(origin, deadline), sent
        # Started before the claim, so that both are sent in one turn of the event loop and share a round trip.
        looking_up = asyncio.create_task(self._first_delivery(update.update_id))
        try:
            claim = await self._claims.claim(origin, deadline)
        except BaseException:
            looking_up.cancel()
            raise
        try:
            return claim, await looking_up
        except BaseException:
            # Nobody else knows of the claim, and its lock would be renewed for ever.
            if isinstance(claim, Claim):
                await self._release(claim)
            raise

    async def _first_delivery(self, update_id: int) -> float:
        try:
            return await self._first_deliveries.at(update_id)
        except _REDIS_FAILED:
            # Only a measurement: its key may be on a shard that is away while the chat's is not.
            return time.time()

    async def _handle_claimed(
        self, update: Update, claim: Claim, store_dead_letter: Callable[[], Awaitable[bool]]
    ) -> Outcome:
        before = claim.context.state
        token = current_update.set(claim.context)
        try:
            outcome = await self._run_handler(update, claim.context)
            # Stored before the commit: if the replica dies in between, the update is redelivered, not lost.
            if outcome is Outcome.FAILED and not claim.context.holds_lock():
                # The replica was paused, or Redis was away, for longer than a lease: another one handles the update.
                await self._release(claim)
                return self._lock_lost()
            if outcome is Outcome.FAILED and not await store_dead_letter():
                # Neither handled nor stored: Telegram must redeliver it.
                await self._release(claim)
                return self._redis_unavailable()
        except BaseException:
            await self._release(claim)
            raise
        finally:
            current_update.reset(token)
        try:
            written = await self._claims.commit(claim)
        except _REDIS_FAILED as error:
            return self._redis_failed(error)
        if not written:
            return self._lock_lost()
        context = claim.context
        self._activity.record(context.user_id, _role(context), before, context.state)
        if context.state != before:
            metrics.FSM_STATE_TRANSITIONS_TOTAL.labels(self._label(before), self._label(context.state)).inc()
        return outcome

    async def _run_handler(self, update: Update, context: UpdateContext) -> Outcome:
        state, data = context.state, dict(context.data)
        try:
            async with asyncio.timeout_at(context.deadline) as limit:
                await self._dispatch(update)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises ends here, once
            if limit.expired():
                metrics.ERRORS_TOTAL.labels("deadline", "error").inc()
                log.warning("update_deadline_passed", seconds=self._deadline_seconds)
                if isinstance(error, TimeoutError) and context.holds_lock():
                    # The bot's error handler does not see a cancelled handler, so nobody has told the user.
                    await self._notify_deadline(update)
            mark_failed(type(error).__name__)
            # Restore the dialogue, so that the user can retry the step.
            context.state, context.data, context.fsm_changed = state, data, False
            return Outcome.FAILED
        return Outcome.DEGRADED if context.degraded else Outcome.HANDLED

    async def _release(self, claim: Claim) -> None:
        try:
            await self._claims.release(claim)
        except _REDIS_FAILED:
            log.warning("chat_lock_not_released", reason="Redis is unreachable; the lease will expire")

    def _lock_lost(self) -> Outcome:
        log.warning("chat_lock_lost", reason="the lease expired and another replica took the lock")
        return Outcome.BUSY

    def _redis_failed(self, error: Exception) -> Outcome:
        if not isinstance(error, RedisUnavailableError):
            # An error that nobody expects: a redelivery may succeed, for example after the next release.
            log.error("redis_refused", exc_info=error)
        return self._redis_unavailable()

    def _redis_unavailable(self) -> Outcome:
        metrics.ERRORS_TOTAL.labels("redis_unavailable", "error").inc()
        mark_failed("redis_unavailable")
        return Outcome.UNAVAILABLE

    def _label(self, state: str | None) -> str:
        return "none" if state is None else metrics.label_value(state, self._known_states)


def _role(context: UpdateContext) -> str:
    identity = context.new_identity or (context.identity.value if context.identity else {})
    role = identity.get("role")
    return role if role in metrics.ROLES else "unknown"
