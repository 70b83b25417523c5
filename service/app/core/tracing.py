"""Thin names for OpenTelemetry's tracing API, and what logs and metrics need of the current span.

    from app.core.tracing import create_span, add_span_attribute

    with create_span("complex_operation"):
        add_span_attribute("operation_type", "assignment")

`opentelemetry.trace.get_tracer(__name__).start_as_current_span("complex_operation")` does the same. Which traces are
kept is decided at their end (`app.core.trace_export`).
"""

from collections.abc import Mapping

from opentelemetry.trace import SpanKind, get_current_span, get_tracer_provider, set_tracer_provider

from app.core.tracer_provider import LightSpan, LightTracerProvider, Recording, Sink, SpanScope

AttributeValue = str | bool | int | float

__all__ = [
    "Recording",
    "Sink",
    "SpanKind",
    "add_span_attribute",
    "create_span",
    "current_exemplar",
    "current_span",
    "current_trace_headers",
    "current_trace_id",
    "install",
    "mark_failed",
    "start_span",
]

PROVIDER = LightTracerProvider()
_tracer = PROVIDER.get_tracer("app.core.tracing")


def install(sink: Sink) -> None:
    """Pass traces that start from now on to `sink`, and make their provider OpenTelemetry's."""
    PROVIDER.sink = sink
    # OpenTelemetry accepts one provider per process; a second call would log a warning.
    if get_tracer_provider() is not PROVIDER:
        set_tracer_provider(PROVIDER)


def create_span(
    name: str, *, kind: SpanKind = SpanKind.INTERNAL, attributes: Mapping[str, AttributeValue] | None = None
) -> SpanScope:
    """A span for a `with` block: a child of the current one, or the root of a new trace.

    Names are a closed set like labels of metrics: no id, text or raw path from a user.
    """
    return _tracer.start_as_current_span(name, kind=kind, attributes=attributes)


def start_span(name: str, *, attributes: Mapping[str, AttributeValue] | None = None) -> LightSpan:
    """A span that does not become the current one, for a step that runs beside its siblings; `end` ends it."""
    return _tracer.start_span(name, attributes=attributes)


def current_span() -> LightSpan | None:
    """The innermost open span of this task."""
    span = get_current_span()
    return span if isinstance(span, LightSpan) else None


def add_span_attribute(key: str, value: AttributeValue) -> None:
    """Set an attribute of the current span, if there is one. Never a secret, a user's text or a URL with a token."""
    get_current_span().set_attribute(key, value)


def mark_failed(error_type: str) -> None:
    """Mark the current span, and with it the trace, as failed, without an exception that leaves it."""
    span = current_span()
    if span is not None:
        span.set_error(error_type)


def current_trace_id() -> str | None:
    """The trace's id as 32 hexadecimal digits, for log lines and error messages."""
    span = current_span()
    return f"{span.recording.trace_id:032x}" if span is not None else None


def current_trace_headers() -> dict[str, str]:
    """The W3C `traceparent` header for an outgoing call; empty outside any span."""
    span = current_span()
    if span is None:
        return {}
    flags = "01" if span.recording.sampled else "00"
    return {"traceparent": f"00-{span.recording.trace_id:032x}-{span.span_id:016x}-{flags}"}


def current_exemplar() -> dict[str, str] | None:
    """The exemplar of an observation: the trace's id, if it is already sure that the trace is kept."""
    span = current_span()
    if span is None or not span.recording.sampled:
        return None
    return {"trace_id": f"{span.recording.trace_id:032x}"}
