"""The backend client against a small HTTP server with scripted responses."""

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from uuid import UUID

import pytest
from aiohttp import web
from pydantic import BaseModel

from app.backends.breaker import BreakerPolicy, BreakerState
from app.backends.call import Call
from app.backends.client import BackendClient, ClientPolicy
from app.backends.errors import BackendRefusedError, BackendUnavailableError, ErrorType
from app.backends.service import BackendService
from app.core.metric_family import REGISTRY
from app.core.tracing import create_span
from app.delivery.context import UpdateContext, current_update
from support.stub_server import serving

READ = Call("GET", "/api/v1/things/{id}", path={"id": 3}, actor=7)
WRITE = Call("POST", "/api/v1/things", body={"a": 1}, operation="create_thing", actor=7)
POLICY = ClientPolicy(
    timeout=2.0, wait_initial=0.001, wait_max=0.002, probe_interval=0, breaker=BreakerPolicy(minimum_calls=100)
)

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Backend:
    """Responds with `statuses` in order, then always with the last; None closes the connection without a response."""

    url: str
    statuses: list[int | None]
    requests: list[web.Request]
    hold: asyncio.Event
    probes: list[web.Request] = field(default_factory=list)


@pytest.fixture
async def backend() -> AsyncIterator[Backend]:
    state = Backend("", [200], [], asyncio.Event())
    state.hold.set()

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == "/healthz":
            state.probes.append(request)
        else:
            state.requests.append(request)
            await request.read()
        await state.hold.wait()
        status = state.statuses.pop(0) if len(state.statuses) > 1 else state.statuses[0]
        if status is None:
            assert request.transport is not None
            request.transport.close()
            return web.Response()
        body = {"ok": True} if status < 400 else {"error": {"code": "some_reason", "message": "..."}}
        return web.json_response(body, status=status)

    async with serving(answer) as state.url:
        yield state
        state.hold.set()


@pytest.fixture
async def make(backend: Backend) -> AsyncIterator[Callable[..., Awaitable[BackendClient]]]:
    made: list[BackendClient] = []

    async def make_client(policy: ClientPolicy = POLICY, clock: Callable[[], float] = time.monotonic) -> BackendClient:
        client = BackendClient("request", backend.url, token="t", bot_id=42, policy=policy, clock=clock)
        await client.start()
        made.append(client)
        return client

    yield make_client
    for client in made:
        await client.close()


Make = Callable[..., Awaitable[BackendClient]]


def sample(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"bot_gateway_{name}", {"service_name": "request", **labels}) or 0.0


async def failure(client: BackendClient, call: Call = READ) -> ErrorType:
    with pytest.raises(BackendUnavailableError) as caught:
        await client.send(call)
    return caught.value.error_type


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - another task changes it without an event
            await asyncio.sleep(0.002)


async def test_sends_token_actor_and_trace(backend: Backend, make: Make) -> None:
    client = await make()
    with create_span("root"):
        assert await client.send(READ) == b'{"ok": true}'
    (request,) = backend.requests
    assert request.path == "/api/v1/things/3"
    assert request.headers["Authorization"] == "Bearer t"
    assert request.headers["X-User-Id"] == "7"
    assert request.headers["traceparent"].startswith("00-")
    assert "Idempotency-Key" not in request.headers


async def test_a_4xx_is_a_refusal_not_a_failure(backend: Backend, make: Make) -> None:
    client = await make(replace(POLICY, breaker=BreakerPolicy(minimum_calls=1)))
    backend.statuses = [409]
    with pytest.raises(BackendRefusedError) as caught:
        await client.send(READ)
    assert (caught.value.status, caught.value.code) == (409, "some_reason")
    assert len(backend.requests) == 1
    assert client.breaker.state is BreakerState.CLOSED


@pytest.mark.parametrize("status", [502, 503, 504, None])
async def test_temporary_failures_are_retried(backend: Backend, make: Make, status: int | None) -> None:
    client = await make()
    retries = sample("service_retries_total")
    backend.statuses = [status, status, 200]
    await client.send(WRITE)
    assert len(backend.requests) == 3
    assert sample("service_retries_total") == retries + 2


async def test_a_500_is_not_retried(backend: Backend, make: Make) -> None:
    client = await make()
    backend.statuses = [500]
    assert await failure(client) is ErrorType.SERVER_ERROR
    assert len(backend.requests) == 1


async def test_fails_after_the_last_attempt(backend: Backend, make: Make) -> None:
    client = await make()
    errors = sample("service_errors_total", error_type="server_error")
    backend.statuses = [503]
    assert await failure(client) is ErrorType.SERVER_ERROR
    assert len(backend.requests) == 3
    assert sample("service_errors_total", error_type="server_error") == errors + 3


async def test_all_attempts_of_a_write_carry_the_same_idempotency_key(backend: Backend, make: Make) -> None:
    client = await make()
    backend.statuses = [503, 200]
    keys = []
    for update_id in (1, 1, 2):
        context = UpdateContext(update_id, 5, "private", 5, deadline=time.monotonic() + 45)
        token = current_update.set(context)
        await client.send(WRITE)
        current_update.reset(token)
    keys = [request.headers["Idempotency-Key"] for request in backend.requests]
    assert keys[0] == keys[1] == keys[2] != keys[3]
    assert UUID(keys[0]).version == 5


async def test_the_deadline_of_the_update_stops_the_attempts(backend: Backend, make: Make) -> None:
    # The time that is left is read from a clock that stands still, so that no machine is too slow for one attempt.
    client = await make(replace(POLICY, timeout=3600), clock=lambda: 1000.0)
    backend.hold.clear()
    token = current_update.set(UpdateContext(1, 5, "private", 5, deadline=1000.0 + POLICY.reply_reserve + 0.05))
    assert await failure(client) is ErrorType.TIMEOUT
    assert len(backend.requests) <= 1
    current_update.reset(token)


async def test_nothing_is_sent_after_the_deadline(backend: Backend, make: Make) -> None:
    client = await make()
    token = current_update.set(UpdateContext(1, 5, "private", 5, deadline=time.monotonic() + 1.0))
    assert await failure(client) is ErrorType.DEADLINE
    assert backend.requests == []
    current_update.reset(token)


async def test_an_open_breaker_refuses_without_a_call_and_shows_in_the_gauge(backend: Backend, make: Make) -> None:
    client = await make(replace(POLICY, breaker=BreakerPolicy(minimum_calls=5)))
    assert sample("service_circuit_breaker_state") == 0
    opened = sample("service_circuit_breaker_transitions_total", to_state="open")
    backend.statuses = [500]
    for _ in range(5):
        await failure(client)
    assert await failure(client) is ErrorType.CIRCUIT_OPEN
    assert len(backend.requests) == 5
    assert sample("service_circuit_breaker_state") == 1
    assert sample("service_circuit_breaker_transitions_total", to_state="open") == opened + 1


async def test_an_open_breaker_closes_by_itself(backend: Backend, make: Make) -> None:
    policy = replace(POLICY, breaker=BreakerPolicy(minimum_calls=1, open_seconds=0.02))
    client = await make(policy)
    backend.statuses = [500, 200]
    requests = sample("service_requests_total", method="GET", status="200")
    await failure(client)
    await until(lambda: client.breaker.state is BreakerState.CLOSED)
    assert sample("service_requests_total", method="GET", status="200") == requests, "a probe is no request"


async def test_the_bulkhead_refuses_calls_above_its_limit(backend: Backend, make: Make) -> None:
    client = await make(replace(POLICY, max_concurrent=2))
    rejected = sample("service_bulkhead_rejections_total")
    backend.hold.clear()
    running = [asyncio.create_task(client.send(READ)) for _ in range(2)]
    await until(lambda: len(backend.requests) == 2)
    assert await failure(client) is ErrorType.BULKHEAD_FULL
    backend.hold.set()
    await asyncio.gather(*running)
    await client.send(READ)
    assert sample("service_bulkhead_rejections_total") == rejected + 1


async def test_a_cancelled_call_does_not_count(backend: Backend, make: Make) -> None:
    client = await make(replace(POLICY, max_concurrent=1, breaker=BreakerPolicy(minimum_calls=1)))
    backend.hold.clear()
    task = asyncio.create_task(client.send(READ))
    await until(lambda: bool(backend.requests))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    backend.hold.set()
    await client.send(READ)
    assert client.breaker.state is BreakerState.CLOSED


async def test_a_connection_that_cannot_be_opened_fails_after_its_own_time_out(make: Make) -> None:
    """A full accept queue drops further SYNs (Linux, tcp_abort_on_overflow=0), as a network that loses packets does."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(2):
            queued = stack.enter_context(socket.socket())
            queued.setblocking(False)
            queued.connect_ex(listener.getsockname())
        client = await make(replace(POLICY, timeout=60.0, connect_timeout=0.1, attempts=1))
        client._base_url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        token = current_update.set(UpdateContext(1, 5, "private", 5, deadline=time.monotonic() + 100))
        async with asyncio.timeout(30):
            assert await failure(client) is ErrorType.CONNECTION
        current_update.reset(token)


async def test_probes_need_no_call_of_a_user(backend: Backend, make: Make) -> None:
    client = await make(replace(POLICY, probe_interval=0.005))
    requests = sample("service_requests_total", method="GET", status="200")
    began = time.time()
    await until(lambda: len(backend.probes) >= 3)
    view = client.view()
    assert view.calls >= 2
    assert (view.failures, view.failed_probes) == (0, 0)
    assert began <= sample("service_last_success_timestamp_seconds") <= time.time()
    assert sample("service_requests_total", method="GET", status="200") == requests, "a probe is no request of a user"


@pytest.mark.parametrize(("status", "calls"), [(401, 1), (404, 1), (500, 0), (503, 0)])
async def test_a_4xx_probe_is_a_success_and_a_5xx_neither(
    backend: Backend, make: Make, status: int, calls: int
) -> None:
    client = await make()
    backend.statuses = [status]
    await client._probe_once()
    view = client.view()
    assert (view.calls, view.failures, view.failed_probes) == (calls, 0, 0)
    assert (view.success_age is not None) is bool(calls)


async def test_a_run_of_failed_probes_opens_the_breaker_and_one_alone_does_not_count(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = await make(replace(POLICY, breaker=BreakerPolicy(minimum_calls=5)))
    # Not by closed connections: aiohttp repeats a GET on its own if a reused connection turns out to be closed.
    statuses = iter([None, 200] * 5 + [None] * 5)

    async def scripted(_seconds: float) -> int | None:
        return next(statuses)

    monkeypatch.setattr(client, "_status_of_probe", scripted)
    for _ in range(10):
        await client._probe_once()
    assert client.breaker.state is BreakerState.CLOSED
    assert client.view().failures == 5
    for _ in range(4):
        await client._probe_once()
    assert client.breaker.state is BreakerState.CLOSED
    began = time.time()
    await client._probe_once()
    assert client.breaker.state is BreakerState.OPEN
    assert began <= sample("service_breaker_opened_timestamp_seconds") <= time.time()
    assert client.view().breaker is BreakerState.OPEN


async def test_a_failed_trial_call_does_not_move_the_time_of_opening(backend: Backend, make: Make) -> None:
    client = await make(replace(POLICY, breaker=BreakerPolicy(minimum_calls=1, open_seconds=0.01)))
    backend.statuses = [500]
    await failure(client)
    opened = sample("service_breaker_opened_timestamp_seconds")
    await until(lambda: len(backend.probes) >= 3)
    assert sample("service_breaker_opened_timestamp_seconds") == opened


async def test_failures_and_slow_calls_of_users_are_observed(backend: Backend, make: Make) -> None:
    client = await make(replace(POLICY, slow_call_seconds=0.0))
    await client.send(READ)
    backend.statuses = [404, 500]
    with pytest.raises(BackendRefusedError):
        await client.send(READ)
    await failure(client)
    view = client.view()
    assert (view.calls, view.failures, view.slow) == (3, 1, 2), "a refusal is a success, a failure is not slow as well"


class Thing(BaseModel):
    name: str


async def test_a_response_that_breaks_the_contract_is_a_backend_error(backend: Backend, make: Make) -> None:
    class Things(BackendService):
        async def get(self) -> Thing:
            return await self._request(READ, Thing)

    with pytest.raises(BackendUnavailableError) as caught:
        await Things(await make()).get()
    assert caught.value.error_type is ErrorType.INVALID_RESPONSE
