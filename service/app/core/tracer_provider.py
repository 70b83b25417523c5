"""A light OpenTelemetry TracerProvider with tail-based sampling.

Spans of `opentelemetry.trace.get_tracer(...)`, of instrumentation packages and of `app.core.tracing` nest in one trace.
A span only keeps its name, times, attributes and events. When the root span ends, the whole trace is passed to the
`Sink`, which drops it or exports it as finished spans; so failed and slow traces can be kept although few are sampled.
Eight spans cost a fraction of what the SDK's cost (docs/decisions/0015).

Not supported: samplers, span processors, trace state and links of the SDK. A service that is called learns only of head
sampling (`traceparent`), so a trace that was kept at its end has no spans of the backends.
"""

import functools
import inspect
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import (
    INVALID_SPAN,
    Link,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    Tracer,
    TracerProvider,
    get_current_span,
    set_span_in_context,
)
from opentelemetry.util.types import AnyValue, Attributes

_P = ParamSpec("_P")
_R = TypeVar("_R")

MAX_ATTRIBUTES = 128
MAX_EVENTS = 128
"""OpenTelemetry's default limits, for spans that other packages make."""
MAX_SPANS = 2048
"""Spans of one trace that are kept in memory; later ones are dropped and counted."""

_SAMPLED, _NOT_SAMPLED = TraceFlags(TraceFlags.SAMPLED), TraceFlags(TraceFlags.DEFAULT)


@dataclass(frozen=True)
class Sink:
    """Decides at the start of a trace whether it is sampled, and takes it when its root span has ended.

    `finish` returns whether the trace was kept; spans that end later are passed to `late` if it was.
    """

    sample: Callable[[], bool] = lambda: False
    finish: Callable[["Recording", "LightSpan"], bool] = lambda _recording, _root: False
    late: Callable[["LightSpan"], None] = lambda _span: None
    dropped: Callable[[int], None] = lambda _count: None


class Recording:
    """The ended spans of one trace in this process, until it is decided whether to keep them."""

    __slots__ = ("failed", "kept", "root", "sampled", "sink", "spans", "trace_id")

    def __init__(self, sink: Sink, *, sampled: bool, trace_id: int | None = None) -> None:
        self.trace_id = trace_id or random.getrandbits(128) or 1
        self.sampled = sampled
        self.failed = False
        self.kept: bool | None = None
        self.sink = sink
        self.root = 0
        self.spans: list[LightSpan] = []

    def add(self, span: "LightSpan") -> None:
        """Add an ended span; the root span completes the trace."""
        if self.kept is not None:
            if self.kept:
                self.sink.late(span)
            return
        if len(self.spans) < MAX_SPANS or span.span_id == self.root:
            self.spans.append(span)
        else:
            self.sink.dropped(1)
        if span.span_id == self.root:
            self.kept = self.sink.finish(self, span)
            # Otherwise the spans and their recording would hold each other until the next garbage collection.
            self.spans = []


class LightSpan(Span):
    """One timed step of a trace; the API of OpenTelemetry's `Span`.

    Exceptions are recorded by their type only: a message may hold a secret or a user's text.
    """

    def __init__(
        self,
        name: str,
        scope: str,
        recording: Recording,
        parent_id: int | None,
        kind: SpanKind,
        attributes: Mapping[str, Any] | None,
        start_ns: int,
    ) -> None:
        self.name = name
        self.scope = scope
        self.recording = recording
        self.parent_id = parent_id
        self.kind = kind
        self.attributes: dict[str, Any] = dict(attributes) if attributes else {}
        self.events: list[tuple[str, int, Mapping[str, Any]]] | None = None
        self.error: str | None = None
        self.span_id = random.getrandbits(64) or 1
        self.start_ns = start_ns
        self.end_ns = 0

    def end(self, end_time: int | None = None) -> None:
        if self.end_ns:
            return
        self.end_ns = end_time or time.time_ns()
        self.recording.add(self)

    def get_span_context(self) -> SpanContext:
        recording = self.recording
        flags = _SAMPLED if recording.sampled else _NOT_SAMPLED
        return SpanContext(recording.trace_id, self.span_id, is_remote=False, trace_flags=flags)

    def set_attribute(self, key: str, value: AnyValue) -> None:
        if len(self.attributes) < MAX_ATTRIBUTES or key in self.attributes:
            self.attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, AnyValue]) -> None:
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        if self.events is None:
            self.events = []
        if len(self.events) < MAX_EVENTS:
            self.events.append((name, timestamp or time.time_ns(), attributes or {}))

    def update_name(self, name: str) -> None:
        self.name = name

    def is_recording(self) -> bool:
        return self.end_ns == 0

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:  # noqa: ARG002 - may hold a secret
        code = status.status_code if isinstance(status, Status) else status
        if code is StatusCode.ERROR:
            recorded = [
                attributes.get("exception.type", "error")
                for name, _, attributes in self.events or ()
                if name == "exception"
            ]
            self.set_error(self.error or (str(recorded[-1]) if recorded else "error"))
        elif code is StatusCode.OK:
            self.error = None

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,  # noqa: ARG002 - may hold the message
        timestamp: int | None = None,
        escaped: bool = False,  # noqa: ARG002 - deprecated by OpenTelemetry
    ) -> None:
        self.add_event("exception", {"exception.type": type(exception).__name__}, timestamp)

    def set_error(self, error_type: str) -> None:
        """Mark this step, and with it the trace, as failed."""
        self.error = error_type
        self.recording.failed = True


class SpanScope:
    """The context manager of `start_as_current_span`; also a decorator of functions and coroutine functions."""

    __slots__ = ("_arguments", "_end", "_record", "_set_status", "_span", "_token", "_tracer")

    def __init__(
        self, tracer: "LightTracer", arguments: tuple[Any, ...], end: bool, record: bool, set_status: bool
    ) -> None:
        self._tracer = tracer
        self._arguments = arguments
        self._end = end
        self._record = record
        self._set_status = set_status

    def __enter__(self) -> LightSpan:
        span = self._span = self._tracer.start_span(*self._arguments)
        self._token = context_api.attach(set_span_in_context(span))
        return span

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        context_api.detach(self._token)
        span = self._span
        # The token leads to the context and that to the span: a cycle for the garbage collector.
        del self._token, self._span
        if exc_type is not None and exc is not None:
            if self._record:
                span.record_exception(exc)
            if self._set_status:
                span.set_error(span.error or exc_type.__name__)
        if self._end:
            span.end()

    def __call__(self, function: Callable[_P, _R]) -> Callable[_P, _R]:
        def again() -> SpanScope:
            return SpanScope(self._tracer, self._arguments, self._end, self._record, self._set_status)

        @functools.wraps(function)
        async def in_span(*args: _P.args, **kwargs: _P.kwargs) -> Any:
            with again():
                result: Any = function(*args, **kwargs)
                return await result

        @functools.wraps(function)
        def in_span_now(*args: _P.args, **kwargs: _P.kwargs) -> _R:
            with again():
                return function(*args, **kwargs)

        return in_span if inspect.iscoroutinefunction(function) else in_span_now  # type: ignore[return-value]


class LightTracer(Tracer):
    """Makes spans of one instrumentation scope."""

    def __init__(self, provider: "LightTracerProvider", scope: str) -> None:
        self._provider = provider
        self._scope = scope

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,  # noqa: ARG002 - not supported
        start_time: int | None = None,
        record_exception: bool = True,  # noqa: ARG002 - `SpanScope` has it
        set_status_on_exception: bool = True,  # noqa: ARG002 - `SpanScope` has it
    ) -> LightSpan:
        parent = get_current_span(context)
        if isinstance(parent, LightSpan):
            recording, parent_id = parent.recording, parent.span_id
            return LightSpan(name, self._scope, recording, parent_id, kind, attributes, start_time or time.time_ns())
        return self._start_root(name, parent, kind, attributes, start_time)

    # The API declares a generator that is wrapped into a context manager; `SpanScope` is one without a generator.
    def start_as_current_span(  # type: ignore[override]
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> SpanScope:
        arguments = (name, context, kind, attributes, links, start_time)
        return SpanScope(self, arguments, end_on_exit, record_exception, set_status_on_exception)

    def _start_root(
        self, name: str, parent: Span, kind: SpanKind, attributes: Attributes, start_time: int | None
    ) -> LightSpan:
        sink, parent_id = self._provider.sink, None
        if parent is INVALID_SPAN:
            recording = Recording(sink, sampled=sink.sample())
        else:
            remote = parent.get_span_context()
            sampled = bool(remote.trace_flags & TraceFlags.SAMPLED)
            recording = Recording(sink, sampled=sampled, trace_id=remote.trace_id)
            parent_id = remote.span_id or None
        span = LightSpan(name, self._scope, recording, parent_id, kind, attributes, start_time or time.time_ns())
        recording.root = span.span_id
        return span


class LightTracerProvider(TracerProvider):
    """Makes tracers whose traces go to `sink`."""

    def __init__(self, sink: Sink | None = None) -> None:
        self.sink = sink or Sink()

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,  # noqa: ARG002 - not exported
        schema_url: str | None = None,  # noqa: ARG002 - not exported
        attributes: Attributes = None,  # noqa: ARG002 - not exported
    ) -> LightTracer:
        return LightTracer(self, instrumenting_module_name)
