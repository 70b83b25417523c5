"""Tracing that costs little until a trace is worth keeping.

    from app.core.tracing import create_span, add_span_attribute

    with create_span("complex_operation"):
        add_span_attribute("operation_type", "assignment")

A span here only notes its name, times and attributes. When the outermost one ends, the whole trace is either dropped
or, if it was sampled, failed or slow, handed as finished spans to OpenTelemetry's exporter. So failed and slow
updates are always kept although few are sampled, at a small part of what recording every span in the SDK costs.
The price: a backend learns only of head sampling, so a trace kept at its end has no spans of the backends.
"""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from opentelemetry.trace import SpanKind

AttributeValue = str | bool | int | float

__all__ = [
    "Recording",
    "Span",
    "SpanKind",
    "add_span_attribute",
    "create_span",
    "current_exemplar",
    "current_span",
    "current_trace_headers",
    "current_trace_id",
    "detached",
    "install",
    "mark_failed",
]

_current: ContextVar["Span | None"] = ContextVar("current_span", default=None)


class Recording:
    """All ended spans of one trace in this process, until it is decided whether to keep them."""

    __slots__ = ("failed", "sampled", "spans", "trace_id")

    def __init__(self, *, sampled: bool) -> None:
        self.trace_id = random.getrandbits(128) or 1
        self.sampled = sampled
        self.failed = False
        self.spans: list[Span] = []


class Span:
    """One timed step. Ended by leaving its `with` block; an exception that leaves it marks the trace as failed."""

    __slots__ = (
        "_token",
        "attributes",
        "end_ns",
        "error",
        "kind",
        "name",
        "parent",
        "recording",
        "span_id",
        "start_ns",
    )

    def __init__(self, name: str, kind: SpanKind, attributes: Mapping[str, AttributeValue] | None) -> None:
        self.name = name
        self.kind = kind
        self.attributes: dict[str, AttributeValue] = dict(attributes) if attributes else {}
        self.error: str | None = None
        self.span_id = 0
        self.end_ns = 0

    def set_attribute(self, key: str, value: AttributeValue) -> None:
        """Note something about the step. Never a secret, a text of a user or an address with a token."""
        self.attributes[key] = value

    def set_error(self, error_type: str) -> None:
        """Mark this step, and with it the trace, as failed. Only the type is kept: a message may hold a secret."""
        self.error = error_type
        self.recording.failed = True

    def start(self) -> Self:
        """Begin without becoming the current span, for a step that runs beside its siblings; `end` ends it."""
        parent = _current.get()
        self.parent: Span | None = parent
        self.recording: Recording = parent.recording if parent is not None else Recording(sampled=_tracer.sample())
        self.span_id = random.getrandbits(64) or 1
        self.start_ns = time.time_ns()
        return self

    def end(self) -> None:
        """The step is over; a root hands its trace to the tracer."""
        self.end_ns = time.time_ns()
        self._record()

    def __enter__(self) -> Self:
        # As `start` and `end`, in place: eight of these open with each update.
        parent = _current.get()
        self.parent = parent
        self.recording = parent.recording if parent is not None else Recording(sampled=_tracer.sample())
        self.span_id = random.getrandbits(64) or 1
        self._token = _current.set(self)
        self.start_ns = time.time_ns()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end_ns = time.time_ns()
        _current.reset(self._token)
        # The token leads to the context, and that to the span.
        del self._token
        if exc_type is not None and self.error is None:
            self.set_error(exc_type.__name__)
        self._record()

    def _record(self) -> None:
        recording = self.recording
        recording.spans.append(self)
        if self.parent is None:
            _tracer.finish(recording, self)
            # Else the spans and their recording would hold each other until the next garbage collection.
            recording.spans = []


@dataclass(frozen=True)
class Tracer:
    """Decides at the start of a trace whether it is sampled, and takes it at its end, when its spans are forgotten."""

    sample: Callable[[], bool] = lambda: False
    finish: Callable[[Recording, Span], None] = lambda _recording, _root: None


_tracer = Tracer()


def install(tracer: Tracer) -> None:
    """Use `tracer` for all traces that begin from now on."""
    global _tracer
    _tracer = tracer


def create_span(
    name: str, *, kind: SpanKind = SpanKind.INTERNAL, attributes: Mapping[str, AttributeValue] | None = None
) -> Span:
    """A span for a `with` block: a child of the current one, or the root of a new trace.

    Names are a closed set like labels of metrics: no id, text or raw path of a user's making.
    """
    return Span(name, kind, attributes)


def current_span() -> Span | None:
    """The innermost open span of this task."""
    return _current.get()


def add_span_attribute(key: str, value: AttributeValue) -> None:
    """Note something on the current span; nothing happens outside any span."""
    span = _current.get()
    if span is not None:
        span.attributes[key] = value


def mark_failed(error_type: str) -> None:
    """Mark the current span, and with it the trace, as failed, without an exception that leaves it."""
    span = _current.get()
    if span is not None:
        span.set_error(error_type)


def current_trace_id() -> str | None:
    """The trace's id as 32 hexadecimal digits, for log lines and error messages."""
    span = _current.get()
    return f"{span.recording.trace_id:032x}" if span is not None else None


def current_trace_headers() -> dict[str, str]:
    """The W3C `traceparent` header for an outgoing call; empty outside any span."""
    span = _current.get()
    if span is None:
        return {}
    flags = "01" if span.recording.sampled else "00"
    return {"traceparent": f"00-{span.recording.trace_id:032x}-{span.span_id:016x}-{flags}"}


def current_exemplar() -> dict[str, str] | None:
    """The exemplar of an observation: the trace's id, if it is already sure that the trace is kept."""
    span = _current.get()
    if span is None or not span.recording.sampled:
        return None
    return {"trace_id": f"{span.recording.trace_id:032x}"}


@contextmanager
def detached() -> Iterator[None]:
    """Spans opened inside begin traces of their own: for work that outlives the update that started it."""
    token = _current.set(None)
    try:
        yield
    finally:
        _current.reset(token)
