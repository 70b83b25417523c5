"""`POST /webhook`: one update from Telegram.

Telegram redelivers an update until it gets a 2xx response, and meanwhile delivers no other update of that chat. So the
response is an error only where a redelivery can succeed (503, always with `Retry-After`) or where the sender is not
Telegram.
"""

import asyncio
import hmac
import time
from collections.abc import Callable

from aiohttp import web

from app.core import metrics
from app.core.logging import current_update_id
from app.core.settings import Settings
from app.core.tracing import add_span_attribute, create_span, current_exemplar
from app.delivery.dead_letters import DeadLetterReason
from app.delivery.intake import Intake
from app.delivery.pipeline import Outcome
from app.request_body import (
    BODY_SECONDS,
    BodyBrokenError,
    BodyEncodedError,
    BodyTimeoutError,
    BodyTooLargeError,
    read_body,
)

MAX_BODY = 1024 * 1024
SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header
CLOSE_EVERY_SECONDS = 1.0
"""One connection is closed per this time. Telegram keeps connections open as long as it can, and a Service balances
connections, not requests: without this a new replica would get no traffic."""

_STATUS = {
    Outcome.HANDLED: 200,
    Outcome.DEGRADED: 200,
    Outcome.DUPLICATE: 200,
    Outcome.FAILED: 200,
    Outcome.INVALID: 200,
    Outcome.TOO_LARGE: 200,
    Outcome.UNAUTHORIZED: 401,
    Outcome.TIMED_OUT: 408,
    Outcome.UNSUPPORTED: 415,
    Outcome.UNAVAILABLE: 503,
    Outcome.BUSY: 503,
    Outcome.OVERLOADED: 503,
    Outcome.DRAINING: 503,
}
_RETRY_AFTER = {"Retry-After": "1"}


class Webhook:
    """The handler. `closing` closes each connection after its response, `draining` refuses updates.

    `idle` is set while no update is in flight. `monotonic` returns seconds of a monotonic clock, `body_seconds` bound
    the time in which a body must arrive.
    """

    def __init__(
        self,
        intake: Intake,
        settings: Settings,
        monotonic: Callable[[], float] = time.monotonic,
        *,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._monotonic = monotonic
        self._body_seconds = body_seconds
        self._last_closed = monotonic()
        self._intake = intake
        self._secrets = tuple(
            secret.get_secret_value().encode()
            for secret in (settings.webhook_secret, settings.webhook_secret_previous)
            if secret is not None
        )
        self._max_in_flight = settings.max_in_flight
        self._outcomes = {outcome: metrics.WEBHOOK_REQUESTS_TOTAL.labels(outcome) for outcome in Outcome}
        self.in_flight = 0
        self.idle = asyncio.Event()
        self.idle.set()
        self.closing = False
        self.draining = False

    async def handle(self, request: web.Request) -> web.Response:
        started = time.perf_counter()
        current_update_id.set(None)
        with create_span("/webhook") as span:
            outcome = await self._outcome(request)
            add_span_attribute("outcome", outcome)
            if outcome is Outcome.UNAUTHORIZED or (outcome is Outcome.INVALID and not self._secrets):
                # A stranger's request must not use up the budget of failed traces.
                span.recording.failed = False
            exemplar = current_exemplar()
        self._outcomes[outcome].inc()
        metrics.WEBHOOK_REQUEST_DURATION_SECONDS.observe(time.perf_counter() - started, exemplar)
        return self._response(outcome, request)

    async def _outcome(self, request: web.Request) -> Outcome:
        if not self._is_authorized(request):
            return Outcome.UNAUTHORIZED
        if self.draining:
            return Outcome.DRAINING
        if self.in_flight >= self._max_in_flight:
            return Outcome.OVERLOADED
        self._count_in_flight(1)
        try:
            return await self._take(request)
        finally:
            self._count_in_flight(-1)

    async def _take(self, request: web.Request) -> Outcome:
        # Without a secret anyone may post, so nothing of an invalid body is stored.
        keep = bool(self._secrets)
        try:
            body = await read_body(request, MAX_BODY, seconds=self._body_seconds)
        except BodyEncodedError:
            return Outcome.UNSUPPORTED
        except BodyTimeoutError:
            return Outcome.TIMED_OUT
        except BodyTooLargeError as error:
            stored = await self._intake.reject(error.head, DeadLetterReason.TOO_LARGE, keep=keep)
            return Outcome.TOO_LARGE if stored else Outcome.UNAVAILABLE
        except BodyBrokenError:
            # Telegram frames its bodies correctly, so there is no update to keep.
            await self._intake.reject(b"", DeadLetterReason.INVALID_JSON, keep=False)
            return Outcome.INVALID
        return await self._intake.take(body, keep=keep)

    def _count_in_flight(self, change: int) -> None:
        self.in_flight += change
        metrics.WEBHOOK_IN_FLIGHT.set(self.in_flight)
        if self.in_flight:
            self.idle.clear()
        else:
            self.idle.set()

    def _is_authorized(self, request: web.Request) -> bool:
        if not self._secrets:
            return True
        given = request.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape")
        # Every secret is compared, so that the response time reveals nothing.
        return sum(hmac.compare_digest(given, secret) for secret in self._secrets) > 0

    def _response(self, outcome: Outcome, request: web.Request) -> web.Response:
        status = _STATUS[outcome]
        if not self._secrets:
            status = {Outcome.INVALID: 400, Outcome.TOO_LARGE: 413}.get(outcome, status)
        # A stranger's connection is not kept, and what is left of a body that was not read is not waited for.
        unwanted = outcome is Outcome.UNAUTHORIZED or not request.content.is_eof()
        response = web.Response(status=status, headers=_RETRY_AFTER if status == 503 else None)
        if self.closing or unwanted or self._is_time_to_close():
            response.force_close()
        return response

    def _is_time_to_close(self) -> bool:
        now = self._monotonic()
        if now - self._last_closed < CLOSE_EVERY_SECONDS:
            return False
        self._last_closed = now
        return True
