"""`POST /webhook`: one update of Telegram.

Telegram repeats what is not answered with a 2xx, and a chat that is repeated stops. So an error status is only given
where a repetition can succeed (503, always with `Retry-After`) or where the sender is not Telegram.
"""

import asyncio
import hmac
import time
from collections.abc import Callable

from aiohttp import HttpVersion11, web

from app.core import metrics
from app.core.logging import current_update_id
from app.core.settings import Settings
from app.core.tracing import add_span_attribute, create_span, current_exemplar
from app.delivery.dead_letters import DeadLetterReason
from app.delivery.intake import Intake
from app.delivery.pipeline import Outcome
from app.fixed_answer import FixedAnswer

MAX_BODY = 1024 * 1024
HEAD = 4096
"""Bytes kept of a body that is too large to be read."""

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header
CLOSE_EVERY_SECONDS = 1.0
"""One connection is closed in this time, so that a new replica behind a balancer of connections soon gets its part of
the traffic however little there is: Telegram keeps its connections open for as long as it can."""

_STATUS = {
    Outcome.HANDLED: 200,
    Outcome.DUPLICATE: 200,
    Outcome.FAILED: 200,
    Outcome.INVALID: 200,
    Outcome.TOO_LARGE: 200,
    Outcome.UNAUTHORIZED: 401,
    Outcome.UNAVAILABLE: 503,
    Outcome.BUSY: 503,
    Outcome.OVERLOADED: 503,
    Outcome.DRAINING: 503,
}
_ANSWERS = {
    (status, close): FixedAnswer(status, retry_after=1 if status == 503 else None, close=close)
    for status in (200, 400, 401, 413, 503)
    for close in (False, True)
}


class Webhook:
    """The handler. `closing` ends each connection with its answer, `draining` refuses; `idle`: nothing is in hand.

    `monotonic` returns seconds of a clock that never goes back.
    """

    def __init__(self, intake: Intake, settings: Settings, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
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

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one post."""
        started = time.perf_counter()
        current_update_id.set(None)
        with create_span("/webhook") as span:
            outcome = await self._outcome(request)
            add_span_attribute("outcome", outcome)
            if outcome is Outcome.UNAUTHORIZED or (outcome is Outcome.INVALID and not self._secrets):
                # A stranger's doing is not worth a trace of its own.
                span.recording.failed = False
            exemplar = current_exemplar()
        self._outcomes[outcome].inc()
        metrics.WEBHOOK_REQUEST_DURATION_SECONDS.observe(time.perf_counter() - started, exemplar)
        return self._answer(outcome, request)

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
        body, whole = await _read(request)
        # Without a secret anyone may post; nobody's junk is kept.
        keep = bool(self._secrets)
        if not whole:
            await self._intake.reject(body, DeadLetterReason.TOO_LARGE, keep=keep)
            return Outcome.TOO_LARGE
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
        # Every secret is compared, so that the time tells nothing.
        return sum(hmac.compare_digest(given, secret) for secret in self._secrets) > 0

    def _answer(self, outcome: Outcome, request: web.Request) -> FixedAnswer:
        status = _STATUS[outcome]
        if not self._secrets:
            status = {Outcome.INVALID: 400, Outcome.TOO_LARGE: 413}.get(outcome, status)
        asked_to_close = not request.keep_alive or request.version < HttpVersion11
        close = asked_to_close or self.closing or outcome is Outcome.TOO_LARGE or self._is_time_to_close()
        return _ANSWERS[status, close]

    def _is_time_to_close(self) -> bool:
        now = self._monotonic()
        if now - self._last_closed < CLOSE_EVERY_SECONDS:
            return False
        self._last_closed = now
        return True


async def _read(request: web.Request) -> tuple[bytes, bool]:
    """The body, or its head and False where it is too large."""
    if (request.content_length or 0) > MAX_BODY:
        return await request.content.read(HEAD), False
    if request.content_length is not None:
        return await request.content.read(), True
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            return bytes(body[:HEAD]), False
    return bytes(body), True
