"""The HTTP client of one backend.

A call passes, in this order: bulkhead, retry, circuit breaker, timeout, connection pool. A 4xx means that the backend
works and refuses the request (`BackendRefusedError`). Everything else that is not a 2xx is a failure
(`BackendUnavailableError`): it counts for the breaker and is retried where a retry can help, which is after transport
errors and 502, 503, 504, as long as the deadline of the update allows. Every call may be repeated: reads because they
change nothing, writes because of their Idempotency-Key.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

import orjson
import stamina
import structlog
from aiohttp import ClientError, ClientSession, ClientTimeout, ConnectionTimeoutError, TCPConnector

from app.backends.breaker import BreakerOpenError, BreakerPolicy, BreakerState, CircuitBreaker
from app.backends.breaker_prober import BreakerProber
from app.backends.call import Call, idempotency_key, seconds_left
from app.backends.errors import BackendRefusedError, BackendUnavailableError, ErrorType
from app.backends.observations import Observations
from app.backends.outlier import View
from app.backends.probe import HealthProbe
from app.core import metrics
from app.core.tracing import SpanKind, create_span, current_trace_headers

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# The statuses of a proxy or a backend that is restarting. A 500 is a bug: the same request would fail again.
_RETRIABLE_STATUSES = frozenset({502, 503, 504})


@dataclass(frozen=True)
class ClientPolicy:
    """The limits of one backend's client. Times in seconds."""

    timeout: float = 15.0
    connect_timeout: float = 2.0
    """For a new connection. Far below `timeout`: a host that drops packets is known sooner than a slow response."""
    # Three attempts outlast a lost connection or the restart of one replica; more only add load to a failing backend.
    attempts: int = 3
    wait_initial: float = 0.1
    wait_max: float = 2.0
    reply_reserve: float = 2.0
    """The part of the update's deadline that is kept for the reply to the user."""
    max_concurrent: int = 30
    slow_call_seconds: float = 1.0
    trial_timeout: float = 15.0
    probe_path: str = "/healthz"
    probe_interval: float = 1.0
    """0 turns the probes off; an open breaker still makes its trial calls."""
    probe_timeout: float = 1.0
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)


class BackendClient:
    """Calls one backend. `start` opens its connection pool, `close` closes it."""

    def __init__(
        self,
        service_name: str,
        base_url: str,
        *,
        token: str,
        bot_id: int,
        policy: ClientPolicy,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.service_name = service_name
        self._title = f"{service_name.capitalize()} Service"
        self._base_url = base_url.rstrip("/")
        self._token = token
        self._bot_id = bot_id
        self._policy = policy
        self._clock = clock
        self._in_flight = 0
        self._session: ClientSession | None = None
        self._state_gauge = metrics.SERVICE_CIRCUIT_BREAKER_STATE.labels(service_name=service_name)
        self._state_gauge.set(BreakerState.CLOSED)
        self._last_success_gauge = metrics.SERVICE_LAST_SUCCESS_TIMESTAMP_SECONDS.labels(service_name=service_name)
        self._opened_gauge = metrics.SERVICE_BREAKER_OPENED_TIMESTAMP_SECONDS.labels(service_name=service_name)
        self._previous_state = BreakerState.CLOSED
        self.breaker = CircuitBreaker(policy.breaker, clock=clock, on_transition=self._on_transition)
        self._observations = Observations(slow_call_seconds=policy.slow_call_seconds, clock=clock)
        self._breaker_prober = BreakerProber(self.breaker, self._is_healthy)
        self._probe = HealthProbe(self._probe_once, interval=policy.probe_interval)

    async def start(self) -> None:
        """Open the connection pool and watch the breaker. Connects to nothing yet."""
        self._session = ClientSession(
            # Two connections more than slots, so that a probe and a trial call never wait for users' calls.
            connector=TCPConnector(limit=self._policy.max_concurrent + 2, keepalive_timeout=60),
            headers={"Authorization": f"Bearer {self._token}"},
            timeout=self._limit(self._policy.timeout),
        )
        self._breaker_prober.start()
        if self._policy.probe_interval > 0:
            self._probe.start()

    async def close(self) -> None:
        """Stop the probes and close the pool."""
        await self._probe.close()
        await self._breaker_prober.close()
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, call: Call) -> bytes:
        """Return the body of the 2xx response. Raises BackendRefusedError or BackendUnavailableError."""
        if self._in_flight >= self._policy.max_concurrent:
            metrics.SERVICE_BULKHEAD_REJECTIONS_TOTAL.labels(service_name=self.service_name).inc()
            raise self._unavailable(ErrorType.BULKHEAD_FULL)
        self._in_flight += 1
        try:
            return await self._send_with_retries(call)
        finally:
            self._in_flight -= 1

    def view(self) -> View:
        """Return what this replica has seen of the backend in the last seconds."""
        return self._observations.view(self.breaker.state)

    def invalid_response(self) -> BackendUnavailableError:
        """Return the error for a 2xx response whose body breaks the contract."""
        return self._unavailable(ErrorType.INVALID_RESPONSE)

    async def _send_with_retries(self, call: Call) -> bytes:
        attempts = stamina.retry_context(
            on=_is_retriable,
            attempts=self._policy.attempts,
            timeout=self._seconds_left(),
            wait_initial=self._policy.wait_initial,
            wait_max=self._policy.wait_max,
            wait_jitter=self._policy.wait_initial,
        )
        async for attempt in attempts:
            with attempt:
                if attempt.num > 1:
                    metrics.SERVICE_RETRIES_TOTAL.labels(service_name=self.service_name).inc()
                return await self._attempt(call)
        raise AssertionError("unreachable: stamina raises the last error")

    async def _attempt(self, call: Call) -> bytes:
        timeout = min(self._policy.timeout, self._seconds_left())
        if timeout <= 0:
            raise self._unavailable(ErrorType.DEADLINE)
        try:
            permit = self.breaker.acquire()
        except BreakerOpenError:
            raise self._unavailable(ErrorType.CIRCUIT_OPEN) from None
        started = self._clock()
        try:
            status, body = await self._send_request(call, self._limit(timeout))
        except BackendUnavailableError:
            self._observe_call(failed=True, started=started)
            permit.fail()
            raise
        except BaseException:
            permit.cancel()
            raise
        seconds = self._observe_call(failed=status >= 500, started=started)
        if status >= 500:
            permit.fail()
            raise self._unavailable(ErrorType.SERVER_ERROR, retriable=status in _RETRIABLE_STATUSES)
        permit.succeed(slow=self._observations.is_slow(seconds))
        if status >= 400:
            raise BackendRefusedError(self.service_name, status, _error_code(body))
        return body

    async def _send_request(self, call: Call, limit: ClientTimeout) -> tuple[int, bytes]:
        session = self._open_session()
        attributes = {"http.request.method": call.method, "http.route": call.route}
        started = self._clock()
        status_label = "error"
        name = f"{self._title}: {call.method} {call.route}"
        try:
            with create_span(name, kind=SpanKind.CLIENT, attributes=attributes) as span:
                async with session.request(
                    call.method,
                    self._base_url + call.url_path,
                    params=call.query,
                    data=None if call.body is None else orjson.dumps(call.body),
                    headers=self._headers(call),
                    timeout=limit,
                ) as response:
                    body = await response.read()
                    status_label = str(response.status)
                    span.set_attribute("http.response.status_code", response.status)
                    if response.status >= 500:
                        span.set_error(status_label)
                    return response.status, body
        except ConnectionTimeoutError as error:
            raise self._unavailable(ErrorType.CONNECTION, retriable=True) from error
        except TimeoutError:
            raise self._unavailable(ErrorType.TIMEOUT, retriable=True) from None
        except (ClientError, OSError) as error:
            raise self._unavailable(ErrorType.CONNECTION, retriable=True) from error
        finally:
            labels = {"service_name": self.service_name, "method": call.method}
            metrics.SERVICE_REQUESTS_TOTAL.labels(**labels, status=status_label).inc()
            metrics.SERVICE_REQUEST_DURATION_SECONDS.labels(**labels).observe(self._clock() - started)

    def _headers(self, call: Call) -> dict[str, str]:
        headers = current_trace_headers()
        if call.actor is not None:
            headers["X-User-Id"] = str(call.actor)
        if call.body is not None:
            headers["Content-Type"] = "application/json"
        if call.operation is not None:
            key = idempotency_key(self._bot_id, call.operation)
            if key is not None:
                headers["Idempotency-Key"] = key
        return headers

    def _seconds_left(self) -> float:
        """Return the seconds that this call may still take; outside an update, those of all its attempts."""
        left = seconds_left(self._clock())
        if left is None:
            return self._policy.timeout * self._policy.attempts
        return left - self._policy.reply_reserve

    def _limit(self, seconds: float) -> ClientTimeout:
        return ClientTimeout(total=seconds, sock_connect=self._policy.connect_timeout)

    def _observe_call(self, *, failed: bool, started: float) -> float:
        """Record a call and return its duration in seconds."""
        seconds = self._clock() - started
        self._observations.call(failed=failed, seconds=seconds)
        if not failed:
            self._last_success_gauge.set_to_current_time()
        return seconds

    async def _is_healthy(self) -> bool:
        """Make the trial call of an open breaker. Anything but a 2xx or 3xx keeps it open."""
        status = await self._status_of_probe(self._policy.trial_timeout)
        return status is not None and status < 400

    async def _probe_once(self) -> None:
        """Probe the backend and record the result.

        A 4xx is a success: the backend responds, only the path may be wrong. A 5xx is neither: a load balancer in front
        of all replicas may send it, and it does not tell a failure of this replica's network from one of the backend.
        """
        started = self._clock()
        status = await self._status_of_probe(self._policy.probe_timeout)
        if status is not None and status >= 500:
            return
        self._observations.probe(failed=status is None, seconds=self._clock() - started)
        if status is not None:
            self._last_success_gauge.set_to_current_time()
            return
        # A single lost probe must not count: from the second in a row on, all of the run count as failed calls.
        for _ in range({1: 0, 2: 2}.get(self._observations.failed_probes, 1)):
            self.breaker.record_failed_probe()

    async def _status_of_probe(self, seconds: float) -> int | None:
        """Return the HTTP status of the health page, None where there is no response in time."""
        url = self._base_url + self._policy.probe_path
        try:
            async with self._open_session().get(url, timeout=self._limit(seconds), allow_redirects=False) as response:
                return response.status
        except (ClientError, OSError, TimeoutError):
            return None

    def _open_session(self) -> ClientSession:
        if self._session is None:
            raise RuntimeError("BackendClient.start() has not been awaited")
        return self._session

    def _unavailable(self, error_type: ErrorType, *, retriable: bool = False) -> BackendUnavailableError:
        metrics.SERVICE_ERRORS_TOTAL.labels(service_name=self.service_name, error_type=error_type).inc()
        return BackendUnavailableError(self.service_name, error_type, retriable=retriable)

    def _on_transition(self, state: BreakerState) -> None:
        self._state_gauge.set(state)
        to_state = state.name.lower()
        metrics.SERVICE_CIRCUIT_BREAKER_TRANSITIONS_TOTAL.labels(
            service_name=self.service_name, to_state=to_state
        ).inc()
        log.warning("circuit_breaker_transition", service_name=self.service_name, to_state=to_state)
        if state is BreakerState.OPEN:
            self._breaker_prober.wake()
            # A failed trial call opens it again, but the outage started with the first opening.
            if self._previous_state is BreakerState.CLOSED:
                self._opened_gauge.set_to_current_time()
        self._previous_state = state


def _is_retriable(error: Exception) -> bool:
    return isinstance(error, BackendUnavailableError) and error.retriable


def _error_code(body: bytes) -> str:
    """Return the error code of a refusal; `unknown` where the body is not in the agreed form."""
    try:
        code = orjson.loads(body)["error"]["code"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "unknown"
    return code if isinstance(code, str) else "unknown"
