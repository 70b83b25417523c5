"""The bot token and the other secrets appear in no log line, span, metric, or response."""

from collections.abc import Callable
from concurrent import futures
from typing import Any

import aiohttp
import grpc
import pytest
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc

FAULTS: list[dict[str, Any]] = [
    {"service": "telegram", "kind": "down"},
    {"service": "telegram", "kind": "reset"},
    {"service": "telegram", "kind": "latency", "latency_seconds": 5},
    {"service": "telegram", "kind": "error", "status": 502},
    {"service": "telegram", "kind": "error", "status": 429, "retry_after": 60},
    {"service": "auth", "kind": "down"},
    {"service": "auth", "kind": "latency", "latency_seconds": 5},
]
SECRETS = ("AAF-known-token", "known-service-token", "known-webhook-secret")


class Collector(trace_service_pb2_grpc.TraceServiceServicer):
    """An OTLP endpoint that keeps what it is sent."""

    def __init__(self) -> None:
        self.requests: list[Any] = []

    def Export(self, request: Any, context: Any) -> Any:  # noqa: N802 - gRPC's name
        self.requests.append(request)
        return trace_service_pb2.ExportTraceServiceResponse()

    def names(self) -> set[str]:
        return {
            span.name
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }


@pytest.mark.timeout(300)
async def test_no_secret_is_ever_shown(make_world: Callable[..., Any]) -> None:
    collector = Collector()
    server = grpc.server(futures.ThreadPoolExecutor(1))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    world = await make_world(flood_limits=False)
    replica = await world.started(
        TRACING_ENABLED="true",
        TRACING_SAMPLE_RATIO="1",
        JAEGER_HOST="127.0.0.1",
        JAEGER_PORT=str(port),
        LOG_LEVEL="DEBUG",
        UPDATE_DEADLINE_SECONDS="4",
        TELEGRAM_MESSAGES_PER_SECOND="0",
    )
    control = f"http://127.0.0.1:{world.sandbox.settings.control_port}"
    responses = []
    async with aiohttp.ClientSession() as session:
        for text in ("/start", "/requests", "/help"):
            world.users.say(1001, text)
        await world.all_handled(60)
        # Everything that can fail does: Telegram hangs up, responses nonsense or too late, backends are down.
        for number, fault in enumerate(FAULTS):
            await session.delete(f"{control}/faults")
            await session.post(f"{control}/faults", json=fault)
            world.users.say(1002 + number, "/requests")
            await world.all_handled(60)
        for path in ("/metrics", "/readyz", "/nope", "/webhook"):
            async with session.get(f"{replica.url}{path}") as response:
                responses.append(f"{response.headers} {await response.text()}")
    assert await replica.stop() == 0
    server.stop(0)
    assert {"/webhook", "Auth Middleware", "Telegram: sendMessage"} <= collector.names()
    everything = {
        "log": replica.output.read_text(),
        "spans": "".join(str(request) for request in collector.requests),
        "responses": "".join(responses),
    }
    assert all(everything.values())
    for secret in SECRETS:
        for where, text in everything.items():
            assert secret not in text, (where, text[max(0, text.index(secret) - 300) : text.index(secret) + 50])
