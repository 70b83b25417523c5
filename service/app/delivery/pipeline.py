"""One update from claim to commit, however it arrived."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum

import structlog
from aiogram.types import Update

from app.core import metrics
from app.core.activity import Activity
from app.core.logging import current_update_id
from app.core.redis_batch import RedisUnavailableError
from app.core.tracing import add_span_attribute, create_span, mark_failed
from app.delivery.address import address_of
from app.delivery.claims import Claim, Claims, Refusal
from app.delivery.context import UpdateContext, current_update

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

Dispatch = Callable[[Update, UpdateContext], Awaitable[object]]


class Outcome(StrEnum):
    """What came of an update; the closed set of `webhook_requests_total{outcome}`."""

    HANDLED = "handled"
    DUPLICATE = "duplicate"
    FAILED = "failed"
    INVALID = "invalid"
    UNAUTHORIZED = "unauthorized"
    TOO_LARGE = "too_large"
    UNAVAILABLE = "unavailable"
    BUSY = "busy"
    OVERLOADED = "overloaded"
    DRAINING = "draining"


class Pipeline:
    """Claims, dispatches, commits. `known_states` bounds the labels of the transition counter.

    `tell_late` is called for an update whose handler the deadline ended; it bounds its own time and does not raise.
    """

    def __init__(
        self,
        claims: Claims,
        dispatch: Dispatch,
        activity: Activity,
        *,
        tell_late: Dispatch,
        deadline_seconds: float,
        known_states: frozenset[str],
    ) -> None:
        self._claims = claims
        self._dispatch = dispatch
        self._activity = activity
        self._tell_late = tell_late
        self._deadline_seconds = deadline_seconds
        self._known_states = known_states

    async def handle(self, update: Update, message_type: str, set_aside: Callable[[], Awaitable[bool]]) -> Outcome:
        """Handle one update. Never raises for what a handler or Redis does; cancellation gives the lane back.

        `set_aside` keeps the update where its handler failed and says whether it could. It comes before the commit: a
        replica that dies in between leaves the update to be handled again, not lost.
        """
        current_update_id.set(update.update_id)
        address = address_of(update)
        add_span_attribute("user_id", address.user_id)
        add_span_attribute("message_type", message_type)
        deadline = asyncio.get_running_loop().time() + self._deadline_seconds
        try:
            claim = await self._claims.claim(address, deadline)
        except RedisUnavailableError:
            return self._redis_unavailable()
        if claim is Refusal.DUPLICATE:
            metrics.DUPLICATE_UPDATES_TOTAL.inc()
            return Outcome.DUPLICATE
        if isinstance(claim, Refusal):
            return Outcome.BUSY
        # Beside its siblings, not around them: the seed's trace has auth, handler and metrics under /webhook itself.
        processing = create_span(
            "process_message", attributes={"user_id": address.user_id, "message_type": message_type}
        ).start()
        try:
            return await self._handle_claimed(update, claim, set_aside)
        finally:
            processing.end()

    async def _handle_claimed(self, update: Update, claim: Claim, set_aside: Callable[[], Awaitable[bool]]) -> Outcome:
        before = claim.context.state
        token = current_update.set(claim.context)
        try:
            outcome = await self._run_handler(update, claim.context)
            if outcome is Outcome.FAILED and not await set_aside():
                # Neither done nor kept: it is to be sent again.
                await self._give_back(claim)
                return self._redis_unavailable()
        except BaseException:
            await self._give_back(claim)
            raise
        finally:
            current_update.reset(token)
        try:
            written = await self._claims.commit(claim)
        except RedisUnavailableError:
            return self._redis_unavailable()
        if not written:
            log.warning("lane_lost", reason="another replica took the update over")
            return Outcome.BUSY
        context = claim.context
        self._activity.note(context.user_id, _role(context), before, context.state)
        if context.state != before:
            metrics.FSM_STATE_TRANSITIONS_TOTAL.labels(self._label(before), self._label(context.state)).inc()
        return outcome

    async def _run_handler(self, update: Update, context: UpdateContext) -> Outcome:
        state, data = context.state, dict(context.data)
        try:
            async with asyncio.timeout_at(context.deadline) as limit:
                await self._dispatch(update, context)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises ends here, once
            if limit.expired():
                metrics.ERRORS_TOTAL.labels("deadline", "error").inc()
                log.warning("update_deadline_passed", seconds=self._deadline_seconds)
                if isinstance(error, TimeoutError):
                    # Nothing else told the user, as the bot does of its handlers' failures.
                    await self._tell_late(update, context)
            mark_failed(type(error).__name__)
            # The dialogue stays where it was, so that the user can try again.
            context.state, context.data, context.fsm_changed = state, data, False
            return Outcome.FAILED
        return Outcome.HANDLED

    async def _give_back(self, claim: Claim) -> None:
        try:
            await self._claims.release(claim)
        except RedisUnavailableError:
            log.warning("lane_not_released", reason="Redis is unreachable; the lease will run out")

    def _redis_unavailable(self) -> Outcome:
        metrics.ERRORS_TOTAL.labels("redis_unavailable", "error").inc()
        mark_failed("redis_unavailable")
        return Outcome.UNAVAILABLE

    def _label(self, state: str | None) -> str:
        return "none" if state is None else metrics.closed(state, self._known_states)


def _role(context: UpdateContext) -> str:
    identity = context.new_identity or (context.identity.value if context.identity else {})
    role = identity.get("role")
    return role if role in metrics.ROLES else "unknown"
