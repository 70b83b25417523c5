"""Every query asks for something that exists, in the way that its metric wants to be asked."""

from __future__ import annotations

import re

import pytest
from committed import Target, annotation_targets, panel_targets
from exported import all_series
from promql import RATE_INTERVAL, grouped_by, labels_left, parse, selectors

TARGETS = [*panel_targets(), *annotation_targets()]
GROWTH = {"rate", "increase", "max_over_time"}
"""Functions of a counter: the last only where there was no series before (`boards.queries.counted`)."""

KNOWN_LABELS = {name: series.labels for name, series in all_series().items()}
each = pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)


@each
def test_it_parses(target: Target) -> None:
    parse(target.expr)


@each
def test_it_uses_metrics_and_labels_that_are_exported(target: Target) -> None:
    for selector in selectors(parse(target.expr)):
        assert selector.metric in KNOWN_LABELS, f"nothing exports {selector.metric}"
        unknown = selector.matchers.keys() - KNOWN_LABELS[selector.metric]
        assert not unknown, f"{selector.metric} has no label {unknown}"


@each
def test_it_aggregates_by_labels_that_are_there(target: Target) -> None:
    for labels, metrics in grouped_by(parse(target.expr)):
        available = frozenset[str]().union(*(KNOWN_LABELS[metric] for metric in metrics))
        assert labels <= available, f"{metrics} have no label {labels - available}"


@each
def test_its_names_use_labels_that_are_left(target: Target) -> None:
    named = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target.legend))
    left = labels_left(parse(target.expr), KNOWN_LABELS)
    assert named <= left, f"{named - left} is aggregated away"


@pytest.mark.parametrize("target", [t for t in panel_targets() if not t.instant], ids=lambda target: target.name)
def test_its_names_tell_the_series_apart(target: Target) -> None:
    left = labels_left(parse(target.expr), KNOWN_LABELS) - {"le"}
    named = set(re.findall(r"\{\{\s*(\w+)\s*\}\}", target.legend))
    assert left <= named, f"two series that differ in {left - named} would have the same name"


@each
def test_it_keeps_to_one_gateway(target: Target) -> None:
    for selector in selectors(parse(target.expr)):
        assert selector.matchers["namespace"] == ("MatchOp.Equal", "NAMESPACE")
        operator, job = selector.matchers["job"]
        wanted = {"ALERTS": "JOB|JOB-remediator"}.get(selector.metric)
        if wanted is None:
            wanted = "JOB-remediator" if selector.metric.startswith("remediator_") else "JOB"
        assert (operator, job) == ("MatchOp.Re", wanted)


@each
def test_it_can_be_narrowed_to_a_pod(target: Target) -> None:
    for selector in selectors(parse(target.expr)):
        if selector.metric.startswith("bot_gateway_"):
            assert selector.matchers["pod"] == ("MatchOp.Re", "POD")


@each
def test_counters_are_asked_for_their_increase(target: Target) -> None:
    for selector in selectors(parse(target.expr)):
        if all_series()[selector.metric].kind in {"counter", "bucket"} and selector.offset is None:
            assert selector.around[0] in GROWTH, f"{selector.metric} is a counter"


@each
def test_rates_follow_the_zoom(target: Target) -> None:
    for selector in selectors(parse(target.expr)):
        if selector.around[:1] == ("rate",):
            assert selector.range == RATE_INTERVAL, "use $__rate_interval"


@each
def test_what_every_replica_reads_from_redis_is_not_added_up(target: Target) -> None:
    for selector in selectors(parse(target.expr)):
        if all_series()[selector.metric].aggregate == "max":
            assert selector.around[-1] == "max", f"replicas agree on {selector.metric}: take the largest"


@each
def test_quantiles_come_from_buckets(target: Target) -> None:
    for selector in selectors(parse(target.expr)):
        if "histogram_quantile" in selector.around:
            assert all_series()[selector.metric].kind == "bucket"
            assert selector.around[:2] in {("rate", "sum"), ("increase", "sum")}
