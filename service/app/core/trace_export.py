"""Tail-based sampling, and the export of kept traces to the collector (OTLP, to Jaeger).

Kept are sampled traces, failed ones (a limited number per second) and slow ones. A kept trace becomes finished spans of
the SDK in a bounded queue that a thread exports in batches; if the collector is down or slow, spans are dropped and
counted, and no update waits for it. Secrets and credentials in URLs are redacted in whatever made the span.
"""

import logging
import os
import platform
import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import structlog
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, Status, StatusCode, TraceFlags

from app.compat.hashed_resource import HashedResource
from app.core import metrics
from app.core.redaction import Redactor, redact_urls
from app.core.settings import Settings
from app.core.token_bucket import TokenBucket
from app.core.tracer_provider import LightSpan, Recording, Sink
from app.core.tracing import install

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

SERVICE_NAME = "Bot Gateway Service"
AGENT_PORT = 6831
OTLP_PORT = 4317
QUEUE_SPANS = 8192
BATCH_SPANS = 64
"""Sent at once, unless the standard OTEL_BSP_MAX_EXPORT_BATCH_SIZE says otherwise. No update goes on while they are
encoded: for about a millisecond, where OpenTelemetry's own 512 take nine."""

SHUTDOWN_SECONDS = 3.0

_STATUS_OK, _STATUS_ERROR = Status(StatusCode.UNSET), Status(StatusCode.ERROR)
_SAMPLED = TraceFlags(TraceFlags.SAMPLED)


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
    """Decides which traces are kept, and passes their spans to the exporter. `secrets` are redacted."""

    def __init__(
        self,
        exporter: SpanExporter,
        resource: Resource,
        *,
        sample_ratio: float,
        slow_seconds: float,
        errors_per_second: float,
        secrets: Iterable[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._counting = CountingExporter(exporter)
        self._processor = BatchSpanProcessor(
            self._counting,
            max_queue_size=QUEUE_SPANS,
            # With None the SDK reads the environment variable.
            max_export_batch_size=None if os.environ.get("OTEL_BSP_MAX_EXPORT_BATCH_SIZE") else BATCH_SPANS,
            schedule_delay_millis=1000,
        )
        self._resource = resource
        self._redact = Redactor(secrets)
        self._scopes: dict[str, InstrumentationScope] = {}
        self._ratio = sample_ratio
        self._slow_ns = int(slow_seconds * 1e9)
        self._errors = TokenBucket(burst=errors_per_second, per_second=errors_per_second, clock=clock)
        self._queued = 0

    @property
    def sink(self) -> Sink:
        """For the tracer provider."""
        return Sink(self._sample, self._finish, self._late, self._count_dropped)

    def shutdown(self) -> None:
        """Export what is queued and stop the thread. What is not sent after `SHUTDOWN_SECONDS` is lost, and counted."""
        # The processor would try for 30 s, longer than the grace period of a pod.
        giving_up = threading.Timer(SHUTDOWN_SECONDS, self._counting.shutdown)
        giving_up.start()
        self._processor.shutdown()  # type: ignore[no-untyped-call]  # it has no annotations
        giving_up.cancel()

    def _sample(self) -> bool:
        return random.random() < self._ratio  # noqa: S311 - a sample, not a secret

    def _finish(self, recording: Recording, root: LightSpan) -> bool:
        """Keep or drop a trace whose root span has ended; return whether it was kept."""
        if recording.sampled:
            reason = "sampled"
        elif recording.failed:
            # An outage would make every trace a failed one, and their export would take the CPU that updates need.
            if not self._errors.take():
                metrics.SPANS_DROPPED_TOTAL.labels("error_budget").inc(len(recording.spans))
                return False
            reason = "error"
        elif root.end_ns - root.start_ns >= self._slow_ns:
            reason = "slow"
        else:
            return False
        if not self._has_room(len(recording.spans)):
            return False
        metrics.TRACES_KEPT_TOTAL.labels(reason).inc()
        for span in recording.spans:
            self._processor.on_end(self._readable(span))
        return True

    def _late(self, span: LightSpan) -> None:
        """Export a span that ended after the root span of its kept trace."""
        if self._has_room(1):
            self._processor.on_end(self._readable(span))

    def _has_room(self, spans: int) -> bool:
        # Counted here: the processor would drop the oldest spans of its queue, which tears other traces apart.
        if self._queued - self._counting.settled + spans > QUEUE_SPANS:
            self._count_dropped(spans)
            return False
        self._queued += spans
        return True

    def _count_dropped(self, spans: int) -> None:
        metrics.SPANS_DROPPED_TOTAL.labels("queue_full").inc(spans)

    def _readable(self, span: LightSpan) -> ReadableSpan:
        trace_id = span.recording.trace_id
        attributes = span.attributes if span.error is None else {**span.attributes, "error.type": span.error}
        return ReadableSpan(
            name=self._redact(span.name),
            context=SpanContext(trace_id, span.span_id, is_remote=False, trace_flags=_SAMPLED),
            parent=None
            if span.parent_id is None
            else SpanContext(trace_id, span.parent_id, is_remote=False, trace_flags=_SAMPLED),
            resource=self._resource,
            attributes=self._redacted(attributes),
            events=[Event(name, self._redacted(about), at) for name, at, about in span.events or ()],
            kind=span.kind,
            instrumentation_scope=self._scope(span.scope),
            status=_STATUS_OK if span.error is None else _STATUS_ERROR,
            start_time=span.start_ns,
            end_time=span.end_ns,
        )

    def _redacted(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        return {key: self._redacted_value(value) for key, value in attributes.items()}

    def _redacted_value(self, value: Any) -> Any:
        if isinstance(value, str):
            return redact_urls(self._redact(value))
        if isinstance(value, list | tuple):
            return [self._redacted_value(item) for item in value]
        return value

    def _scope(self, name: str) -> InstrumentationScope:
        scope = self._scopes.get(name)
        if scope is None:
            scope = self._scopes[name] = InstrumentationScope(name)
        return scope


def configure_tracing(settings: Settings, *, version: str, secrets: Iterable[str] = ()) -> Callable[[], None]:
    """Make the tracer of this process as the settings say; returns what ends it and blocks until it has.

    Trace ids exist and stand in the logs even where nothing is exported.
    """
    disabled = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if disabled or not settings.tracing_enabled:
        install(Sink())
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
        HashedResource(resource) if settings.compat_hashed_resource else resource,
        sample_ratio=ratio,
        slow_seconds=settings.tracing_slow_seconds,
        errors_per_second=settings.tracing_errors_per_second,
        secrets=secrets,
    )
    install(tail_sampler.sink)
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
