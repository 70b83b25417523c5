import asyncio
import gc
from collections.abc import Iterator
from copy import copy

import pytest
from opentelemetry.trace import Span

from app.core import tracing
from app.core.tracer_provider import LightSpan
from app.core.tracing import (
    Recording,
    Sink,
    add_span_attribute,
    create_span,
    current_exemplar,
    current_trace_headers,
    current_trace_id,
    mark_failed,
    start_span,
)


@pytest.fixture
def finished() -> Iterator[list[Recording]]:
    traces: list[Recording] = []

    def finish(recording: Recording, _root: LightSpan) -> bool:
        # The recording itself releases its spans afterwards.
        traces.append(copy(recording))
        return True

    tracing.install(Sink(lambda: True, finish, lambda span: traces[-1].spans.append(span)))
    yield traces
    tracing.install(Sink())


def parents(recording: Recording) -> dict[str, str | None]:
    names = {span.span_id: span.name for span in recording.spans}
    return {span.name: names.get(span.parent_id or 0) for span in recording.spans}


async def test_the_documented_sample_works(finished: list[Recording]) -> None:
    with create_span("complex_operation") as span:
        add_span_attribute("user_id", 7)
        add_span_attribute("operation_type", "assignment")
        await asyncio.sleep(0)
        add_span_attribute("result_status", "done")
    assert isinstance(span, Span)
    assert span.attributes == {"user_id": 7, "operation_type": "assignment", "result_status": "done"}
    assert [s.name for s in finished[0].spans] == ["complex_operation"]


async def test_spans_of_parallel_tasks_have_the_right_parents(finished: list[Recording]) -> None:
    async def work(name: str) -> None:
        with create_span(name):
            await asyncio.sleep(0)
            with create_span(f"{name}.inner"):
                await asyncio.sleep(0)

    with create_span("root"):
        await asyncio.gather(work("a"), work("b"))
    assert parents(finished[0]) == {"root": None, "a": "root", "b": "root", "a.inner": "a", "b.inner": "b"}


def test_a_span_beside_its_siblings_is_not_their_parent(finished: list[Recording]) -> None:
    with create_span("root"):
        beside = start_span("beside")
        with create_span("child"):
            pass
        beside.end()
    assert parents(finished[0]) == {"root": None, "child": "root", "beside": "root"}


def test_an_exception_marks_the_trace_and_keeps_only_its_type(finished: list[Recording]) -> None:
    with pytest.raises(ValueError, match="secret"), create_span("root"), create_span("child") as child:
        raise ValueError("secret")
    assert finished[0].failed
    assert child.error == "ValueError"


def test_a_failure_can_be_marked_without_an_exception(finished: list[Recording]) -> None:
    with create_span("root"):
        mark_failed("backend_unavailable")
    assert finished[0].failed


def test_an_outgoing_call_carries_the_current_span(finished: list[Recording]) -> None:
    with create_span("root"), create_span("call") as span:
        headers = current_trace_headers()
        assert current_trace_id() == f"{span.recording.trace_id:032x}"
        assert current_exemplar() == {"trace_id": current_trace_id()}
    assert headers == {"traceparent": f"00-{span.recording.trace_id:032x}-{span.span_id:016x}-01"}


def test_an_unsampled_trace_says_so_and_gives_no_exemplar() -> None:
    tracing.install(Sink())
    with create_span("root"):
        assert current_trace_headers()["traceparent"].endswith("-00")
        assert current_exemplar() is None


def test_outside_any_span_there_is_nothing() -> None:
    add_span_attribute("key", 1)
    mark_failed("x")
    assert current_trace_headers() == {}
    assert current_trace_id() is None


def test_a_trace_leaves_nothing_to_the_garbage_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        with create_span("root"):
            for name in ("first", "second"):
                with create_span(name):
                    pass
            start_span("beside").end()
        assert gc.collect() == 0
    finally:
        gc.enable()
