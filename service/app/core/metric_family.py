"""Declares a metric family: name, help, labels with their allowed values, how to aggregate it.

`metrics` holds the families; docs/metrics.md is generated from `FAMILIES`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
)

from app.core.metric_labels import OTHER

PREFIX = "bot_gateway_"

REGISTRY = CollectorRegistry(auto_describe=False)
# A `_created` series for each counter and histogram would double their number; no query uses them.
disable_created_metrics()  # type: ignore[no-untyped-call]  # no annotations

# The client library's own families, process_* and python_*: start time, CPU, open files, garbage collection.
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)
GCCollector(registry=REGISTRY)

LabelValues = Sequence[str] | str
"""A label's allowed values, or a description of the set in the code that they come from."""


@dataclass(frozen=True)
class Family:
    """A family's documentation."""

    name: str
    kind: str
    help: str
    labels: Mapping[str, LabelValues]
    aggregate: str


FAMILIES: list[Family] = []


def label_value(value: str | None, allowed: Sequence[str] | frozenset[str]) -> str:
    """`value` if it is allowed, else `other`, so that no user can create new series."""
    return value if value is not None and value in allowed else OTHER


def _declare(kind: str, name: str, text: str, labels: Mapping[str, LabelValues], aggregate: str) -> str:
    documentation = f"{text} Aggregate with {aggregate}."
    FAMILIES.append(Family(PREFIX + name, kind, text, labels, aggregate))
    return documentation


def counter(name: str, text: str, labels: Mapping[str, LabelValues] | None = None) -> Counter:
    """A counter; one without labels is exposed as 0 from the start."""
    labels = labels or {}
    documentation = _declare("counter", name, text, labels, "sum(rate())")
    return Counter(PREFIX + name, documentation, list(labels), registry=REGISTRY)


def gauge(name: str, text: str, labels: Mapping[str, LabelValues] | None = None, *, aggregate: str) -> Gauge:
    """A gauge. `aggregate` says how to combine replicas: `max` where each exports the value of the whole cluster."""
    labels = labels or {}
    documentation = _declare("gauge", name, text, labels, aggregate)
    return Gauge(PREFIX + name, documentation, list(labels), registry=REGISTRY)


def histogram(
    name: str, text: str, labels: Mapping[str, LabelValues] | None = None, *, buckets: Sequence[float]
) -> Histogram:
    """A histogram; thresholds of alerts must be among `buckets`, one of which must lie above each threshold."""
    labels = labels or {}
    documentation = _declare("histogram", name, text, labels, "histogram_quantile() over sum by (le)(rate())")
    return Histogram(PREFIX + name, documentation, list(labels), buckets=buckets, registry=REGISTRY)
