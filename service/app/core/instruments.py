"""Counters and histograms for a process with one event loop.

An update touches some twenty of them. Prometheus' own guard each addition with a lock against other threads and look a
child up under another; these add to plain numbers and are exposed by Prometheus' own registry, as a collector. So each
child must be written by one thread only.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Generic, Protocol, Self, TypeVar

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

Exemplars = Mapping[str, str] | None


class _Child(Protocol):
    def fresh(self) -> Self: ...


C = TypeVar("C", bound=_Child)


class _Labelled(Generic[C]):
    """What a counter and a histogram share: children by the values of their labels."""

    def __init__(self, label_names: Sequence[str], child: C) -> None:
        self.label_names = tuple(label_names)
        self._prototype = child
        self._children: dict[tuple[object, ...], C] = {}
        if not self.label_names:
            self._children[()] = child

    def labels(self, *values: object, **named: object) -> C:
        """The child with these values, by position or by name; it is exposed from its first use.

        Raises:
            ValueError: not exactly the family's labels.
        """
        if named:
            if values or named.keys() != set(self.label_names):
                raise ValueError(f"wanted the labels {self.label_names}, got {values} {tuple(named)}")
            values = tuple([named[name] for name in self.label_names])
        return self._children.get(values) or self._new(values)

    def _new(self, values: tuple[object, ...]) -> C:
        if len(values) != len(self.label_names):
            raise ValueError(f"wanted the labels {self.label_names}, got {len(values)} values")
        return self._children.setdefault(tuple(str(value) for value in values), self._prototype.fresh())


class CounterChild:
    """A number that only grows."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def fresh(self) -> "CounterChild":
        """Another one, at 0."""
        return CounterChild()

    def inc(self, amount: float = 1) -> None:
        """Add; raises ValueError for a negative amount."""
        if amount < 0:
            raise ValueError("a counter only grows")
        self.value += amount


class Counter(_Labelled[CounterChild]):
    """A counter; `name` ends in `_total`. One without labels is its own only child."""

    def __init__(self, name: str, documentation: str, label_names: Sequence[str]) -> None:
        self._only = CounterChild()
        super().__init__(label_names, self._only)
        self._name = name
        self._documentation = documentation

    def inc(self, amount: float = 1) -> None:
        """Add to a counter without labels. Raises ValueError where it has some."""
        if self.label_names:
            raise ValueError(f"{self._name} has the labels {self.label_names}")
        self._only.inc(amount)

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        family = CounterMetricFamily(self._name, self._documentation, labels=self.label_names)
        for values, child in self._children.items():
            family.add_metric(list(map(str, values)), child.value)
        yield family

    describe = collect


class HistogramChild:
    """How many observations fell into each bucket, and their sum."""

    __slots__ = ("bounds", "counts", "exemplars", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0
        self.exemplars: dict[int, Exemplar] = {}

    def fresh(self) -> "HistogramChild":
        """Another one, without observations."""
        return HistogramChild(self.bounds)

    def observe(self, amount: float, exemplar: Exemplars = None) -> None:
        """Count an observation. `exemplar` becomes its bucket's."""
        bucket = bisect_left(self.bounds, amount)
        self.counts[bucket] += 1
        self.sum += amount
        if exemplar is not None:
            self.exemplars[bucket] = Exemplar(dict(exemplar), amount, time.time())


class Histogram(_Labelled[HistogramChild]):
    """A histogram; `buckets` are its finite upper bounds, rising. One without labels is its own only child."""

    def __init__(self, name: str, documentation: str, label_names: Sequence[str], buckets: Sequence[float]) -> None:
        self.buckets = tuple(float(bound) for bound in buckets)
        self._only = HistogramChild(self.buckets)
        super().__init__(label_names, self._only)
        self._name = name
        self._documentation = documentation
        bounds = (*self.buckets, float("inf"))
        self._bucket_names = [floatToGoString(bound) for bound in bounds]  # type: ignore[no-untyped-call]  # no annotations

    def observe(self, amount: float, exemplar: Exemplars = None) -> None:
        """Count an observation of a histogram without labels. Raises ValueError where it has some."""
        if self.label_names:
            raise ValueError(f"{self._name} has the labels {self.label_names}")
        self._only.observe(amount, exemplar)

    def collect(self) -> Iterator[Metric]:
        """For the registry."""
        family = HistogramMetricFamily(self._name, self._documentation, labels=self.label_names)
        for values, child in self._children.items():
            cumulative = 0
            buckets: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
            for number, (name, count) in enumerate(zip(self._bucket_names, child.counts, strict=True)):
                cumulative += count
                exemplar = child.exemplars.get(number)
                buckets.append((name, cumulative) if exemplar is None else (name, cumulative, exemplar))
            family.add_metric(list(map(str, values)), buckets, child.sum)
        yield family

    describe = collect
