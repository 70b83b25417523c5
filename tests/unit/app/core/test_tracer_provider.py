"""Spans of OpenTelemetry's API and of instrumentation packages are part of the gateway's traces."""

import asyncio
from collections.abc import Iterator
from copy import copy
from typing import Any

import aiohttp
import httpx
import pytest
import sqlalchemy
from aiohttp import web
from opentelemetry import propagate, trace
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.sqlalchemy import SQLAlchemyInstrumentor
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags

from app.core import tracing
from app.core.tracer_provider import MAX_ATTRIBUTES, MAX_EVENTS, MAX_SPANS, LightSpan
from app.core.tracing import Recording, Sink, create_span, current_trace_id
from support.stub_server import serving


class Traces:
    """A sink that keeps every trace; `late` are spans that ended after their root."""

    def __init__(self) -> None:
        self.kept: list[Recording] = []
        self.late: list[str] = []
        self.dropped = 0

    def sink(self) -> Sink:
        return Sink(lambda: True, self._finish, lambda span: self.late.append(span.name), self._drop)

    def _finish(self, recording: Recording, _root: LightSpan) -> bool:
        self.kept.append(copy(recording))
        return True

    def _drop(self, count: int) -> None:
        self.dropped += count

    def parents(self) -> dict[str, str | None]:
        [recording] = self.kept
        names = {span.span_id: span.name for span in recording.spans}
        return {span.name: names.get(span.parent_id or 0) for span in recording.spans}

    def span(self, name: str) -> LightSpan:
        return next(span for span in self.kept[0].spans if span.name == name)


@pytest.fixture
def traces() -> Iterator[Traces]:
    traces = Traces()
    tracing.install(traces.sink())
    yield traces
    tracing.install(Sink())


def test_spans_of_the_api_nest_in_the_gateway_s_and_the_gateway_s_in_them(traces: Traces) -> None:
    tracer = trace.get_tracer("a.package")
    with create_span("/webhook"), tracer.start_as_current_span("handler") as span, create_span("inner"):
        span.set_attributes({"a": 1, "b": "two"})
        span.add_event("cached", {"hit": True})
        tracer.start_span("beside", links=[Link(span.get_span_context())]).end()
    assert traces.parents() == {"/webhook": None, "handler": "/webhook", "inner": "handler", "beside": "inner"}
    handler = traces.span("handler")
    assert (handler.scope, handler.attributes) == ("a.package", {"a": 1, "b": "two"})
    assert [(name, attributes) for name, _, attributes in handler.events or ()] == [("cached", {"hit": True})]


async def test_a_tracer_decorates_functions_and_coroutine_functions(traces: Traces) -> None:
    tracer = trace.get_tracer("a.package")

    @tracer.start_as_current_span("plain")
    def plain() -> str | None:
        return current_trace_id()

    @tracer.start_as_current_span("coroutine")
    async def coroutine() -> str | None:
        await asyncio.sleep(0)
        return plain()

    with create_span("root") as root:
        assert await coroutine() == await coroutine() == f"{root.recording.trace_id:032x}"
    assert traces.parents() == {"root": None, "coroutine": "root", "plain": "coroutine"}
    assert len(traces.kept[0].spans) == 5


def test_use_span_and_an_explicit_context_work(traces: Traces) -> None:
    tracer = trace.get_tracer("a.package")
    span = tracer.start_span("outer")
    with trace.use_span(span, end_on_exit=True), create_span("inner"):
        pass
    assert traces.parents() == {"outer": None, "inner": "outer"}


def test_an_exception_is_known_by_its_type_only(traces: Traces) -> None:
    tracer = trace.get_tracer("a.package")

    def used() -> None:
        with trace.use_span(tracer.start_span("used"), end_on_exit=True):
            raise ValueError("s3cret")

    with pytest.raises(ValueError, match="s3cret"), tracer.start_as_current_span("root"):
        used()
    assert traces.kept[0].failed
    assert [traces.span(name).error for name in ("root", "used")] == ["ValueError", "ValueError"]
    assert "s3cret" not in str([span.events for span in traces.kept[0].spans])


def test_a_status_marks_the_trace_as_failed(traces: Traces) -> None:
    with create_span("root") as span:
        span.set_status(Status(StatusCode.ERROR, "s3cret"))
    assert (traces.kept[0].failed, span.error) == (True, "error")


def test_a_remote_parent_continues_its_trace_and_its_sampling(traces: Traces) -> None:
    remote = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"
    context = propagate.extract({"traceparent": remote})
    with trace.get_tracer("a.package").start_as_current_span("server", context=context) as span:
        carrier: dict[str, str] = {}
        propagate.inject(carrier)
    [recording] = traces.kept
    assert (recording.trace_id, recording.sampled) == (0x0AF7651916CD43DD8448EB211C80319C, False)
    assert traces.span("server").parent_id == 0xB7AD6B7169203331
    assert carrier["traceparent"] == f"00-{recording.trace_id:032x}-{span.get_span_context().span_id:016x}-00"


def test_a_span_that_ends_after_its_root_is_passed_on_if_the_trace_is_kept(traces: Traces) -> None:
    with create_span("root"):
        late = trace.get_tracer("a.package").start_span("late")
    late.end()
    late.end()
    assert (traces.late, late.is_recording()) == (["late"], False)
    tracing.install(Sink())
    with create_span("root"):
        dropped = trace.get_tracer("a.package").start_span("late")
    dropped.end()
    assert traces.late == ["late"]


def test_one_trace_cannot_fill_the_memory(traces: Traces) -> None:
    with create_span("root") as span:
        for number in range(MAX_ATTRIBUTES + 5):
            span.set_attribute(f"a{number}", number)
            span.add_event("e")
        for _ in range(MAX_SPANS + 5):
            with create_span("child"):
                pass
    assert (len(span.attributes), len(span.events or ())) == (MAX_ATTRIBUTES, MAX_EVENTS)
    assert (len(traces.kept[0].spans), traces.dropped) == (MAX_SPANS + 1, 5)
    assert traces.kept[0].spans[-1] is span


def test_the_span_context_says_whether_the_trace_is_sampled() -> None:
    with create_span("root") as span:
        context = trace.get_current_span().get_span_context()
    assert context == SpanContext(span.recording.trace_id, span.span_id, is_remote=False)
    assert context.trace_flags == TraceFlags.DEFAULT


async def test_the_httpx_instrumentation_nests_and_propagates(traces: Traces) -> None:
    seen: list[str] = []

    async def respond(request: web.Request) -> web.Response:
        seen.append(request.headers["traceparent"])
        return web.Response()

    HTTPXClientInstrumentor().instrument()
    try:
        async with serving(respond) as url, httpx.AsyncClient() as client:
            with create_span("handler"):
                await client.get(f"{url}/items")
    finally:
        HTTPXClientInstrumentor().uninstrument()
    assert traces.parents() == {"handler": None, "GET": "handler"}
    assert seen == [f"00-{traces.kept[0].trace_id:032x}-{traces.span('GET').span_id:016x}-01"]


async def test_the_aiohttp_instrumentation_nests_and_propagates(traces: Traces) -> None:
    seen: list[Any] = []

    async def respond(request: web.Request) -> web.Response:
        seen.append(request.headers["traceparent"])
        return web.Response()

    AioHttpClientInstrumentor().instrument()
    try:
        async with serving(respond) as url, aiohttp.ClientSession() as session:
            with create_span("handler"):
                async with session.get(f"{url}/items"):
                    pass
    finally:
        AioHttpClientInstrumentor().uninstrument()
    assert traces.parents() == {"handler": None, "GET": "handler"}
    assert seen == [f"00-{traces.kept[0].trace_id:032x}-{traces.span('GET').span_id:016x}-01"]


@pytest.mark.parametrize("skips", [False, True])
def test_the_sqlalchemy_instrumentation_nests_only_if_its_version_check_is_skipped(traces: Traces, skips: bool) -> None:
    """It declares SQLAlchemy below 2.1, and with 2.1 it only logs that it does nothing (docs/decisions/0009)."""
    engine = sqlalchemy.create_engine("sqlite://")
    SQLAlchemyInstrumentor().instrument(engine=engine, skip_dep_check=skips)
    try:
        with create_span("handler"), engine.connect() as connection:
            assert connection.execute(sqlalchemy.text("SELECT 1")).scalar() == 1
    finally:
        SQLAlchemyInstrumentor().uninstrument()
        engine.dispose()
    of_the_query = {"connect": "handler", "SELECT": "handler"} if skips else {}
    assert traces.parents() == {"handler": None, **of_the_query}
