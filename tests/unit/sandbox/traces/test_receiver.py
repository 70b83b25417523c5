"""The receiver takes what OpenTelemetry's own exporter sends."""

import asyncio

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from sandbox.traces.receiver import TRACES_KEPT, Span, SpanReceiver, SpanStore


async def test_a_trace_is_received_completely() -> None:
    memory = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource.create({"service.name": "Auth Service"}))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("test")
    with (
        tracer.start_as_current_span("outer", kind=trace.SpanKind.SERVER, attributes={"n": 3}),
        tracer.start_span("inner"),
    ):
        pass
    store = SpanStore()
    async with SpanReceiver(store) as receiver:
        exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{receiver.port}", insecure=True)
        result = await asyncio.to_thread(exporter.export, memory.get_finished_spans())
        await asyncio.to_thread(exporter.shutdown)
    assert result is SpanExportResult.SUCCESS
    ((outer, inner),) = store.traces()
    assert (outer.service, outer.name, outer.is_server, outer.attributes) == ("Auth Service", "outer", True, {"n": 3})
    assert (inner.parent_id, inner.trace_id) == (outer.span_id, outer.trace_id)


def test_the_store_is_bounded_and_returns_the_latest_first() -> None:
    store = SpanStore()
    for number in range(TRACES_KEPT + 5):
        store.add(Span(f"t{number}", "s", "", "x", "x", 1, number, number, {}, failed=False))
    traces = store.traces()
    assert len(traces) == TRACES_KEPT
    assert traces[0][0].trace_id == f"t{TRACES_KEPT + 4}"
