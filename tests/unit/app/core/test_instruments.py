"""Ours against Prometheus' own: whatever is counted, both expose the same text."""

from collections.abc import Callable

import prometheus_client
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from app.core.instruments import Counter, Histogram

BUCKETS = (0.005, 0.1, 1, 10)
amounts = st.floats(0, 100, allow_nan=False) | st.sampled_from(BUCKETS)
values = st.tuples(st.sampled_from(["a", 'b"\n', "ü"]), st.sampled_from(["x", "y"]))


@pytest.fixture(autouse=True)
def _without_created(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("prometheus_client.metrics._use_created", False)


def exposed(register: Callable[[CollectorRegistry], object]) -> tuple[str, ...]:
    registry = CollectorRegistry()
    register(registry)
    return tuple(generate_latest(registry).decode().splitlines())


@given(st.lists(st.tuples(values, amounts)))
def test_a_counter_with_labels(additions: list[tuple[tuple[str, str], float]]) -> None:
    ours = Counter("things_total", "Things.", ("kind", "size"))

    def theirs(registry: CollectorRegistry) -> None:
        counter = prometheus_client.Counter("things_total", "Things.", ("kind", "size"), registry=registry)
        for labels, amount in additions:
            counter.labels(*labels).inc(amount)

    for (kind, size), amount in additions:
        ours.labels(size=size, kind=kind).inc(amount)
    assert exposed(lambda registry: registry.register(ours)) == exposed(theirs)


@given(st.lists(st.tuples(values, amounts)))
def test_a_histogram_with_labels(observations: list[tuple[tuple[str, str], float]]) -> None:
    ours = Histogram("seconds", "Seconds.", ("kind", "size"), BUCKETS)

    def theirs(registry: CollectorRegistry) -> None:
        histogram = prometheus_client.Histogram(
            "seconds", "Seconds.", ("kind", "size"), buckets=BUCKETS, registry=registry
        )
        for labels, amount in observations:
            histogram.labels(*labels).observe(amount)

    for labels, amount in observations:
        ours.labels(*labels).observe(amount)
    assert exposed(lambda registry: registry.register(ours)) == exposed(theirs)


@given(st.lists(amounts))
def test_without_labels_they_are_exposed_from_the_start(observed: list[float]) -> None:
    counter, histogram = Counter("things_total", "Things.", ()), Histogram("seconds", "Seconds.", (), BUCKETS)

    def ours(registry: CollectorRegistry) -> None:
        registry.register(counter)
        registry.register(histogram)

    def theirs(registry: CollectorRegistry) -> None:
        their_counter = prometheus_client.Counter("things_total", "Things.", registry=registry)
        their_histogram = prometheus_client.Histogram("seconds", "Seconds.", buckets=BUCKETS, registry=registry)
        for amount in observed:
            their_counter.inc(amount)
            their_histogram.observe(amount)

    for amount in observed:
        counter.inc(amount)
        histogram.observe(amount)
    assert exposed(ours) == exposed(theirs)


def test_a_bucket_shows_its_latest_exemplar() -> None:
    registry = CollectorRegistry()
    histogram = Histogram("seconds", "Seconds.", ("kind",), BUCKETS)
    registry.register(histogram)
    for trace_id in ("one", "two"):
        histogram.labels("a").observe(0.05, {"trace_id": trace_id})
    histogram.labels("a").observe(0.06)
    text = generate_openmetrics(registry).decode()  # type: ignore[no-untyped-call]  # it has no annotations
    assert 'seconds_bucket{kind="a",le="0.1"} 3.0 # {trace_id="two"} 0.05' in text
    assert "one" not in text


def test_a_child_is_the_same_each_time() -> None:
    counter = Counter("things_total", "Things.", ("kind", "size"))
    assert counter.labels("a", "x") is counter.labels(size="x", kind="a")


def test_a_counter_only_grows() -> None:
    with pytest.raises(ValueError, match="grows"):
        Counter("things_total", "Things.", ()).inc(-1)


@pytest.mark.parametrize("labels", [{"kind": "a"}, {"kind": "a", "size": "x", "more": "z"}, {"kind": "a", "sise": "x"}])
def test_other_labels_than_the_familys_are_refused(labels: dict[str, str]) -> None:
    counter = Counter("things_total", "Things.", ("kind", "size"))
    with pytest.raises(ValueError, match="wanted the labels"):
        counter.labels(**labels)
    with pytest.raises(ValueError, match="wanted the labels"):
        counter.labels("a")


def test_a_family_with_labels_takes_nothing_itself() -> None:
    with pytest.raises(ValueError, match="has the labels"):
        Counter("things_total", "Things.", ("kind",)).inc()
    with pytest.raises(ValueError, match="has the labels"):
        Histogram("seconds", "Seconds.", ("kind",), BUCKETS).observe(1)


def test_two_families_of_one_name_are_refused() -> None:
    registry = CollectorRegistry()
    registry.register(Counter("things_total", "Things.", ()))
    with pytest.raises(ValueError, match="Duplicated"):
        registry.register(Counter("things_total", "Things.", ()))
