"""The gateway with no-op metrics or spans, to measure their cost: `gateway_without.py [metrics] [spans]`.

Not an option of the product, because metrics cost little and operation depends on them.
"""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any, Self

import prometheus_client


class NoMetric:
    """A no-op counter, gauge and histogram."""

    def __init__(self, *_args: Any, **_options: Any) -> None:
        return

    def labels(self, *_values: Any, **_labels: Any) -> Self:
        return self

    def inc(self, *_args: Any) -> None:
        return

    observe = set = set_function = inc

    def collect(self) -> list[Any]:
        return []


class NoRecording:
    sampled = failed = False
    trace_id = 0


class NoSpan:
    """A no-op span."""

    recording = NoRecording()
    name = ""

    def set_attribute(self, *_args: Any) -> None:
        return

    def start(self) -> Self:
        return self

    def end(self) -> None:
        return

    set_error = set_attribute

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return


def without_metrics() -> None:
    """Call before the modules that create metrics are imported."""
    prometheus_client.Gauge = NoMetric  # type: ignore[misc,assignment]  # replaced on purpose
    prometheus_client.Counter = NoMetric  # type: ignore[misc,assignment]  # replaced on purpose
    prometheus_client.Histogram = NoMetric  # type: ignore[misc,assignment]  # replaced on purpose


def without_spans() -> None:
    """Call before the modules that create spans are imported."""
    from app.core import tracing

    span = NoSpan()
    tracing.start_span = lambda *_args, **_options: span  # type: ignore[assignment,return-value]  # replaced on purpose
    tracing.create_span = lambda *_args, **_options: span  # type: ignore[assignment,return-value]  # replaced on purpose


if "metrics" in sys.argv[1:]:
    without_metrics()
if "spans" in sys.argv[1:]:
    without_spans()
del sys.argv[1:]

from app.cli import main  # noqa: E402 - after the replacements

main()
