"""A small OTLP/gRPC receiver that keeps the latest spans, so that traces can be shown without Jaeger.

If a Jaeger is configured, each batch is forwarded to it.
"""

import asyncio
import contextlib
import itertools
import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc  # type: ignore[import-untyped]  # it ships no types
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    TraceServiceStub,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanProto

TRACES_KEPT = 500
FORWARD_SECONDS = 2.0
WORKERS = 2


@dataclass(frozen=True, slots=True)
class Span:
    """A received span; times are nanoseconds since 1970."""

    trace_id: str
    span_id: str
    parent_id: str
    service: str
    name: str
    kind: int
    start_ns: int
    end_ns: int
    attributes: dict[str, Any]
    failed: bool

    @property
    def milliseconds(self) -> float:
        return (self.end_ns - self.start_ns) / 1e6

    @property
    def is_server(self) -> bool:
        """Whether it is a server span."""
        return self.kind == SpanProto.SpanKind.SPAN_KIND_SERVER


class SpanStore:
    """The latest traces by id; thread-safe."""

    def __init__(self) -> None:
        self._traces: OrderedDict[str, dict[str, Span]] = OrderedDict()
        self._lock = threading.Lock()

    def add(self, span: Span) -> None:
        with self._lock:
            self._traces.setdefault(span.trace_id, {})[span.span_id] = span
            while len(self._traces) > TRACES_KEPT:
                self._traces.popitem(last=False)

    def newest(self, services: frozenset[str] = frozenset(), limit: int = 20) -> list[list[Span]]:
        """Return the latest complete traces (with a root span) that contain all these services."""
        whole = (spans for spans in self.traces() if any(not span.parent_id for span in spans))
        found = (spans for spans in whole if services <= {span.service for span in spans})
        return list(itertools.islice(found, limit))

    def traces(self) -> list[list[Span]]:
        """Return the traces, the latest first, with spans ordered by start."""
        with self._lock:
            kept = [list(spans.values()) for spans in self._traces.values()]
        ordered = [sorted(spans, key=lambda span: span.start_ns) for spans in kept]
        return sorted(ordered, key=lambda spans: spans[0].start_ns, reverse=True)


class SpanReceiver(TraceServiceServicer):
    """The gRPC server; ``async with SpanReceiver(store) as receiver`` listens on ``receiver.port``."""

    def __init__(self, store: SpanStore, port: int = 0, forward_to: str = "") -> None:
        self._store = store
        self._forward_to = forward_to
        self._channel: Any = None
        self._wanted_port = port
        self._server: Any = None
        self.port = 0

    async def __aenter__(self) -> "SpanReceiver":
        # Threads, not grpc.aio: that one stalls under uvloop.
        self._server = grpc.server(ThreadPoolExecutor(WORKERS, thread_name_prefix="otlp"))
        add_TraceServiceServicer_to_server(self, self._server)  # type: ignore[no-untyped-call]  # generated code
        self.port = self._server.add_insecure_port(f"127.0.0.1:{self._wanted_port}")
        self._server.start()
        if self._forward_to:
            self._channel = grpc.insecure_channel(self._forward_to)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.to_thread(self._server.stop(grace=0.5).wait)
        if self._channel is not None:
            self._channel.close()

    def Export(  # noqa: N802 - the name is gRPC's
        self,
        request: ExportTraceServiceRequest,
        context: object,  # noqa: ARG002 - gRPC's form
    ) -> ExportTraceServiceResponse:
        """Store a batch of spans."""
        for resource_spans in request.resource_spans:
            resource = _values(resource_spans.resource.attributes)
            service = str(resource.get("service.name", "unknown"))
            for scope_spans in resource_spans.scope_spans:
                for span in scope_spans.spans:
                    self._store.add(_span(service, span))
        if self._channel is not None:
            with contextlib.suppress(grpc.RpcError):  # if Jaeger is down only spans are lost
                TraceServiceStub(self._channel).Export(request, timeout=FORWARD_SECONDS)  # type: ignore[no-untyped-call]  # generated code
        return ExportTraceServiceResponse()


def _span(service: str, span: SpanProto) -> Span:
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        service=service,
        name=span.name,
        kind=span.kind,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        attributes=_values(span.attributes),
        failed=span.status.code == 2,  # STATUS_CODE_ERROR
    )


def _values(attributes: Any) -> dict[str, Any]:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value") or "string_value") for pair in attributes}
