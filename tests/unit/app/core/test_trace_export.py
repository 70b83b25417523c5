import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from structlog.testing import capture_logs

from app.core import trace_export, tracing
from app.core.settings import Settings
from app.core.trace_export import BATCH_SPANS, CountingExporter, TailSampler, configure_tracing
from app.core.tracing import Sink, create_span, mark_failed

Sample = Callable[..., float]


class Collector(SpanExporter):
    def __init__(self, result: SpanExportResult = SpanExportResult.SUCCESS) -> None:
        self.spans: list[ReadableSpan] = []
        self.batches: list[int] = []
        self.result = result

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans.extend(spans)
        self.batches.append(len(spans))
        return self.result


@pytest.fixture(autouse=True)
def _uninstalled() -> Iterator[None]:
    yield
    tracing.install(Sink())


def install(
    collector: SpanExporter, *, ratio: float = 0.0, errors_per_second: float = 20, secrets: Sequence[str] = ()
) -> TailSampler:
    tail_sampler = TailSampler(
        collector,
        Resource.create({"service.name": "Bot Gateway Service"}),
        sample_ratio=ratio,
        slow_seconds=2,
        errors_per_second=errors_per_second,
        secrets=secrets,
        clock=lambda: 0.0,
    )
    tracing.install(tail_sampler.sink)
    return tail_sampler


def test_a_sampled_trace_is_exported_with_its_parents() -> None:
    collector = Collector()
    tail_sampler = install(collector, ratio=1.0)
    with create_span("/webhook", attributes={"user_id": 7}), create_span("Auth Middleware"):
        pass
    tail_sampler.shutdown()
    by_name = {span.name: span for span in collector.spans}
    webhook, auth = by_name["/webhook"], by_name["Auth Middleware"]
    assert webhook.parent is None
    assert auth.parent is not None
    assert auth.parent.span_id == webhook.context.span_id
    assert auth.context.trace_id == webhook.context.trace_id
    assert webhook.attributes == {"user_id": 7}
    assert webhook.resource.attributes["service.name"] == "Bot Gateway Service"


def test_secrets_are_redacted_whoever_made_the_span() -> None:
    collector = Collector()
    tail_sampler = install(collector, ratio=1.0, secrets=["known-service-token"])
    tracer = trace.get_tracer("opentelemetry.instrumentation.example")
    with tracer.start_as_current_span("GET /bot42:AAF-token/getMe known-service-token") as span:
        span.set_attribute("http.url", "https://api.telegram.org/bot42:AAF-token/getMe")
        span.set_attribute("values", ["redis://user:password@host/0", "known-service-token"])
        span.add_event("retry", {"url": "http://a:b@host"})
    tail_sampler.shutdown()
    [exported] = collector.spans
    text = exported.to_json()
    assert exported.instrumentation_scope.name == "opentelemetry.instrumentation.example"
    assert exported.attributes["http.url"] == "https://api.telegram.org/bot[redacted]/getMe"
    assert [secret for secret in ("known-service-token", "password", "a:b@") if secret in text] == []


def test_a_span_that_ends_late_is_exported_with_its_kept_trace() -> None:
    collector = Collector()
    tail_sampler = install(collector, ratio=1.0)
    with create_span("/webhook"):
        late = tracing.start_span("late")
    late.end()
    tail_sampler.shutdown()
    assert [span.name for span in collector.spans] == ["/webhook", "late"]


def test_batches_are_small_unless_the_standard_setting_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    for setting, wanted in (("", BATCH_SPANS), ("200", 200)):
        monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", setting)
        collector = Collector()
        tail_sampler = install(collector, ratio=1.0)
        for _ in range(250):
            with create_span("/webhook"):
                pass
        tail_sampler.shutdown()
        assert len(collector.spans) == 250
        assert max(collector.batches) == wanted


def test_an_unsampled_trace_is_dropped() -> None:
    collector = Collector()
    tail_sampler = install(collector)
    with create_span("/webhook"):
        pass
    tail_sampler.shutdown()
    assert collector.spans == []


def test_a_failed_trace_is_kept_though_unsampled(sample: Sample) -> None:
    collector = Collector()
    tail_sampler = install(collector)
    before = sample("traces_kept_total", reason="error")
    with create_span("/webhook"):
        mark_failed("invalid_update")
    tail_sampler.shutdown()
    [span] = collector.spans
    assert not span.status.is_ok
    assert span.attributes == {"error.type": "invalid_update"}
    assert sample("traces_kept_total", reason="error") == before + 1


def test_a_slow_trace_is_kept_though_unsampled(sample: Sample) -> None:
    collector = Collector()
    tail_sampler = install(collector)
    before = sample("traces_kept_total", reason="slow")
    with create_span("/webhook") as span:
        span.start_ns -= 3_000_000_000
    tail_sampler.shutdown()
    assert len(collector.spans) == 1
    assert sample("traces_kept_total", reason="slow") == before + 1


def test_a_flood_of_errors_does_not_become_a_flood_of_traces(sample: Sample) -> None:
    collector = Collector()
    tail_sampler = install(collector, errors_per_second=5)
    before = sample("spans_dropped_total", reason="error_budget")
    for _ in range(12):
        with create_span("/webhook"):
            mark_failed("invalid_update")
    tail_sampler.shutdown()
    assert len(collector.spans) == 5
    assert sample("spans_dropped_total", reason="error_budget") == before + 7


def test_what_the_collector_does_not_take_is_counted(sample: Sample) -> None:
    tail_sampler = install(Collector(SpanExportResult.FAILURE), ratio=1.0)
    before = sample("spans_dropped_total", reason="export_failed")
    with create_span("/webhook"):
        pass
    tail_sampler.shutdown()
    assert sample("spans_dropped_total", reason="export_failed") == before + 1


def test_a_collector_that_is_away_is_logged_once_and_so_is_its_return() -> None:
    collector = Collector(SpanExportResult.FAILURE)
    counting = CountingExporter(collector)
    with capture_logs() as logs:
        for result in (SpanExportResult.FAILURE,) * 3 + (SpanExportResult.SUCCESS,) * 2:
            collector.result = result
            counting.export([])
    assert [line["event"] for line in logs] == ["traces_not_exported", "traces_exported_again"]


@pytest.mark.parametrize("responses", [True, False])
def test_a_collector_that_refuses_or_never_responses_loses_counted_spans(sample: Sample, responses: bool) -> None:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        if not responses:
            # The kernel takes the connection, and nobody ever responses.
            listening.listen()
        port = listening.getsockname()[1]
        tail_sampler = install(GrpcExporter(endpoint=f"http://127.0.0.1:{port}", insecure=True, timeout=0.3), ratio=1.0)
        before = sample("spans_dropped_total", reason="export_failed")
        for _ in range(3):
            with create_span("/webhook"):
                pass
        tail_sampler.shutdown()
    assert sample("spans_dropped_total", reason="export_failed") == before + 3


class Stuck(SpanExporter):
    """A collector that holds each batch until the connection is closed."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.closed.wait()
        return SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self.closed.set()


def test_the_end_waits_for_no_collector(monkeypatch: pytest.MonkeyPatch, sample: Sample) -> None:
    monkeypatch.setattr(trace_export, "SHUTDOWN_SECONDS", 0.2)
    tail_sampler = install(Stuck(), ratio=1.0)
    before = sample("spans_dropped_total", reason="export_failed")
    for _ in range(2000):
        with create_span("/webhook"):
            pass
    tail_sampler.shutdown()  # one that waited for the collector would never return
    assert sample("spans_dropped_total", reason="export_failed") == before + 2000


def test_what_does_not_fit_into_the_queue_is_counted(monkeypatch: pytest.MonkeyPatch, sample: Sample) -> None:
    tail_sampler = install(Collector(), ratio=1.0)
    monkeypatch.setattr(trace_export, "QUEUE_SPANS", 1)
    before = sample("spans_dropped_total", reason="queue_full")
    with create_span("/webhook"), create_span("child"):
        pass
    tail_sampler.shutdown()
    assert sample("spans_dropped_total", reason="queue_full") == before + 2


def test_the_agent_s_port_means_otlp_and_is_warned_of_once(make_settings: Callable[..., Settings]) -> None:
    with capture_logs() as logs:
        stop = configure_tracing(make_settings(jaeger_host="jaeger", jaeger_port=6831), version="1")
    stop()
    assert [entry["event"] for entry in logs] == ["jaeger_port_mapped", "tracing_initialized"]
    assert logs[1]["endpoint"] == "http://jaeger:4317"


def test_the_standard_variables_win(make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4317")
    monkeypatch.setenv("OTEL_TRACES_SAMPLER_ARG", "0.5")
    with capture_logs() as logs:
        stop = configure_tracing(make_settings(), version="1")
    stop()
    assert (logs[0]["endpoint"], logs[0]["sample_ratio"]) == ("http://collector:4317", 0.5)


def test_tracing_can_be_switched_off(make_settings: Callable[..., Settings]) -> None:
    with capture_logs() as logs:
        configure_tracing(make_settings(tracing_enabled=False), version="1")()
    assert logs[0]["event"] == "tracing_initialized"
    assert logs[0]["enabled"] is False
