"""How a metric family of the gateway is declared: name, help, labels with their closed sets, how to aggregate it.

`metrics` holds the families; the docs are generated from `FAMILIES`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Gauge

from app.core.instruments import Counter, Histogram
from app.core.metric_labels import OTHER

PREFIX = "bot_gateway_"

REGISTRY = CollectorRegistry(auto_describe=False)

# What is said of a label whose values are not listed: which closed set of the code they come from.
LabelValues = Sequence[str] | str


@dataclass(frozen=True)
class Family:
    """What is known of a family besides its samples."""

    name: str
    kind: str
    help: str
    labels: Mapping[str, LabelValues]
    aggregate: str


FAMILIES: list[Family] = []


def closed(value: str | None, allowed: Sequence[str] | frozenset[str]) -> str:
    """`value` if it is in the closed set, else `other`, so that no user can make new series."""
    return value if value is not None and value in allowed else OTHER


def _declare(kind: str, name: str, text: str, labels: Mapping[str, LabelValues], aggregate: str) -> str:
    documentation = f"{text} Aggregate with {aggregate}."
    FAMILIES.append(Family(PREFIX + name, kind, text, labels, aggregate))
    return documentation


def counter(name: str, text: str, labels: Mapping[str, LabelValues] | None = None) -> Counter:
    """A counter; one without labels is exposed as 0 from the start."""
    labels = labels or {}
    documentation = _declare("counter", name, text, labels, "sum(rate())")
    made = Counter(PREFIX + name, documentation, list(labels))
    REGISTRY.register(made)
    return made


def gauge(name: str, text: str, labels: Mapping[str, LabelValues] | None = None, *, aggregate: str) -> Gauge:
    """A gauge. `aggregate` is how replicas are put together: `max` where each tells of the whole cluster."""
    labels = labels or {}
    documentation = _declare("gauge", name, text, labels, aggregate)
    return Gauge(PREFIX + name, documentation, list(labels), registry=REGISTRY)


def histogram(
    name: str, text: str, labels: Mapping[str, LabelValues] | None = None, *, buckets: Sequence[float]
) -> Histogram:
    """A histogram; thresholds of alerts must be among `buckets`, one of which must lie above each threshold."""
    labels = labels or {}
    documentation = _declare("histogram", name, text, labels, "histogram_quantile() over sum by (le)(rate())")
    made = Histogram(PREFIX + name, documentation, list(labels), buckets)
    REGISTRY.register(made)
    return made
