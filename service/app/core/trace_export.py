"""Which traces are kept, and how they reach the collector (OTLP, to Jaeger).

Kept are: the sampled ones, failed ones (at most a set number a second) and slow ones. A kept trace becomes finished
OpenTelemetry spans in a bounded queue that a thread sends in batches; if the collector is down or slow, spans are
lost and counted, and no update waits for it.
"""

import logging
import os
import platform
import random
import threading
import time
from collections.abc import Callable, Sequence

import structlog
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from app.core import metrics
from app.core.settings import Settings
from app.core.tracing import Recording, Span, Tracer, install

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

SERVICE_NAME = "Bot Gateway Service"
AGENT_PORT = 6831
OTLP_PORT = 4317
QUEUE_SPANS = 8192
BATCH_SPANS = 64
"""Sent at once, unless the standard OTEL_BSP_MAX_EXPORT_BATCH_SIZE says otherwise. No update goes on while they are
encoded: for about a millisecond, where OpenTelemetry's own 512 take nine."""

SHUTDOWN_SECONDS = 3.0

_SCOPE = InstrumentationScope("app.core.tracing")
_STATUS_OK, _STATUS_ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


class HashedOnce(Resource):
    """A resource whose hash is known. The exporter asks for it with each span, and OpenTelemetry's own answer writes
    all attributes as JSON: a third of what sending a span costs.
    """

    def __init__(self, resource: Resource) -> None:
        super().__init__(resource.attributes, resource.schema_url)
        self._hash = super().__hash__()

    def __hash__(self) -> int:
        return self._hash


class CountingExporter(SpanExporter):
    """Counts exported and lost spans; logs when the collector becomes unreachable and reachable again."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._closed = False
        self._reached = True
        self.settled = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send one batch; runs in the exporter's thread."""
        result = SpanExportResult.FAILURE
        try:
            result = self._exporter.export(spans)
        finally:
            self.settled += len(spans)
            if result is SpanExportResult.SUCCESS:
                metrics.SPANS_EXPORTED_TOTAL.inc(len(spans))
            else:
                metrics.SPANS_DROPPED_TOTAL.labels("export_failed").inc(len(spans))
            self._log_change(reached=result is SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        """Close the connection, once; an export under way fails."""
        if not self._closed:
            self._closed = True
            self._exporter.shutdown()

    def _log_change(self, *, reached: bool) -> None:
        if reached == self._reached:
            return
        self._reached = reached
        if reached:
            log.info("traces_exported_again")
        else:
            log.warning("traces_not_exported", reason="the collector does not take them; they are dropped and counted")


class TailSampler:
    """The policy of what is kept; `Tracer`'s two functions."""

    def __init__(
        self,
        exporter: SpanExporter,
        resource: Resource,
        *,
        sample_ratio: float,
        slow_seconds: float,
        errors_per_second: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counting = CountingExporter(exporter)
        self._processor = BatchSpanProcessor(
            self._counting,
            max_queue_size=QUEUE_SPANS,
            # None leaves it to the environment's value, as OpenTelemetry reads it.
            max_export_batch_size=None if os.environ.get("OTEL_BSP_MAX_EXPORT_BATCH_SIZE") else BATCH_SPANS,
            schedule_delay_millis=1000,
        )
        self._resource = HashedOnce(resource)
        self._ratio = sample_ratio
        self._slow_ns = int(slow_seconds * 1e9)
        self._errors_per_second = errors_per_second
        self._error_budget = errors_per_second
        self._refilled_at = clock()
        self._clock = clock
        self._handed_over = 0

    def sample(self) -> bool:
        """Whether a trace that begins now is kept whatever comes of it."""
        return random.random() < self._ratio  # noqa: S311 - a sample, not a secret

    def finish(self, recording: Recording, root: Span) -> None:
        """Keep or drop a trace that has ended."""
        if recording.sampled:
            reason = "sampled"
        elif recording.failed:
            if not self._take_from_error_budget():
                metrics.SPANS_DROPPED_TOTAL.labels("error_budget").inc(len(recording.spans))
                return
            reason = "error"
        elif root.end_ns - root.start_ns >= self._slow_ns:
            reason = "slow"
        else:
            return
        if self._handed_over - self._counting.settled + len(recording.spans) > QUEUE_SPANS:
            metrics.SPANS_DROPPED_TOTAL.labels("queue_full").inc(len(recording.spans))
            return
        metrics.TRACES_KEPT_TOTAL.labels(reason).inc()
        self._handed_over += len(recording.spans)
        for span in recording.spans:
            self._processor.on_end(self._readable(recording, span))

    def shutdown(self) -> None:
        """Send what is queued and stop the thread. What is not sent after `SHUTDOWN_SECONDS` is lost, and counted."""
        # By itself the processor goes on for 30 s, longer than a pod is given to end.
        giving_up = threading.Timer(SHUTDOWN_SECONDS, self._counting.shutdown)
        giving_up.start()
        self._processor.shutdown()  # type: ignore[no-untyped-call]  # it has no annotations
        giving_up.cancel()

    def _take_from_error_budget(self) -> bool:
        now = self._clock()
        refill = (now - self._refilled_at) * self._errors_per_second
        self._error_budget = min(self._errors_per_second, self._error_budget + refill)
        self._refilled_at = now
        if self._error_budget < 1:
            return False
        self._error_budget -= 1
        return True

    def _readable(self, recording: Recording, span: Span) -> ReadableSpan:
        attributes = span.attributes if span.error is None else {**span.attributes, "error.type": span.error}
        return ReadableSpan(
            name=span.name,
            context=SpanContext(recording.trace_id, span.span_id, is_remote=False, trace_flags=_SAMPLED),
            parent=None
            if span.parent is None
            else SpanContext(recording.trace_id, span.parent.span_id, is_remote=False, trace_flags=_SAMPLED),
            resource=self._resource,
            attributes=attributes,
            kind=span.kind,
            instrumentation_scope=_SCOPE,
            status=_STATUS_OK if span.error is None else _STATUS_ERROR,
            start_time=span.start_ns,
            end_time=span.end_ns,
        )


def configure_tracing(settings: Settings, *, version: str) -> Callable[[], None]:
    """Make the tracer of this process as the settings say; returns what ends it and blocks until it has.

    Trace ids exist and stand in the logs even where nothing is exported.
    """
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if disabled or not settings.tracing_enabled:
        install(Tracer())
        log.info("tracing_initialized", enabled=False)
        return lambda: None
    # It would log each try to reach a collector that is away; `CountingExporter` logs once that it is.
    logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
    ratio = float(os.environ.get("OTEL_TRACES_SAMPLER_ARG") or settings.tracing_sample_ratio)
    exporter, endpoint = _exporter(settings)
    resource = Resource.create(
        {
            "service.name": os.environ.get("OTEL_SERVICE_NAME") or SERVICE_NAME,
            "service.version": version,
            "service.instance.id": platform.node(),
        }
    )
    tail_sampler = TailSampler(
        exporter,
        resource,
        sample_ratio=ratio,
        slow_seconds=settings.tracing_slow_seconds,
        errors_per_second=settings.tracing_errors_per_second,
    )
    install(Tracer(tail_sampler.sample, tail_sampler.finish))
    log.info("tracing_initialized", enabled=True, endpoint=endpoint, sample_ratio=ratio)
    return tail_sampler.shutdown


def _exporter(settings: Settings) -> tuple[SpanExporter, str]:
    protocol = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or os.environ.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    standard = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    if protocol == "http/protobuf":
        return HttpExporter(), standard or "http://localhost:4318"
    if standard:
        return GrpcExporter(), standard
    endpoint = f"http://{settings.jaeger_host}:{_otlp_port(settings.jaeger_port)}"
    return GrpcExporter(endpoint=endpoint, insecure=True), endpoint


def _otlp_port(port: int) -> int:
    if port != AGENT_PORT:
        return port
    log.warning(
        "jaeger_port_mapped",
        configured=AGENT_PORT,
        used=OTLP_PORT,
        reason="the Jaeger agent and its port no longer exist; traces go by OTLP",
    )
    return OTLP_PORT
