"""Every query asks for something that exists, in the way that its metric wants to be asked."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dashboards.committed import Target, annotation_targets, panel_targets
from dashboards.exported import all_series
from dashboards.promql import RATE_INTERVAL, Selector, grouped_by, labels_left, parse, selectors

TARGETS = [*panel_targets(), *annotation_targets()]
GROWTH = {"rate", "increase", "max_over_time"}
"""Functions of a counter: the last only where there was no series before (`boards.queries.counted`)."""

KNOWN_LABELS = {name: series.labels for name, series in all_series().items()}


def asked() -> Iterator[tuple[str, Selector]]:
    """Every selector of every query, with the panel or annotation that it is of."""
    for target in TARGETS:
        for selector in selectors(parse(target.expr)):
            yield target.name, selector


def names_in(legend: str) -> set[str]:
    """The labels that a legend's pattern uses."""
    return set(re.findall(r"\{\{\s*(\w+)\s*\}\}", legend))


def test_there_are_queries_and_all_parse() -> None:
    assert len({name for name, _ in asked()}) > 100


def test_they_use_metrics_and_labels_that_are_exported() -> None:
    for panel, selector in asked():
        assert selector.metric in KNOWN_LABELS, f"{panel}: nothing exports {selector.metric}"
        unknown = selector.matchers.keys() - KNOWN_LABELS[selector.metric]
        assert not unknown, f"{panel}: {selector.metric} has no label {unknown}"


def test_they_aggregate_by_labels_that_are_there() -> None:
    for target in TARGETS:
        for labels, metrics in grouped_by(parse(target.expr)):
            available = frozenset[str]().union(*(KNOWN_LABELS[metric] for metric in metrics))
            assert labels <= available, f"{target.name}: {metrics} have no label {labels - available}"


def test_names_use_labels_that_are_left() -> None:
    for target in TARGETS:
        missing = names_in(target.legend) - labels_left(parse(target.expr), KNOWN_LABELS)
        assert not missing, f"{target.name}: {missing} is aggregated away"


def test_names_tell_the_series_apart() -> None:
    for target in panel_targets():
        if not target.instant:
            unnamed = labels_left(parse(target.expr), KNOWN_LABELS) - {"le"} - names_in(target.legend)
            assert not unnamed, f"{target.name}: two series that differ in {unnamed} would have the same name"


def test_they_select_one_gateway() -> None:
    for panel, selector in asked():
        assert selector.matchers["namespace"] == ("MatchOp.Equal", "NAMESPACE"), panel
        assert selector.matchers["job"] == ("MatchOp.Re", job_of(selector.metric)), panel


def job_of(metric: str) -> str:
    """The job that exports a metric: the gateway, its operator, or for alerts both."""
    if metric == "ALERTS":
        return "JOB|JOB-remediator"
    return "JOB-remediator" if metric.startswith("remediator_") else "JOB"


def test_they_can_be_narrowed_to_a_pod() -> None:
    for panel, selector in asked():
        if selector.metric.startswith("bot_gateway_"):
            assert selector.matchers["pod"] == ("MatchOp.Re", "POD"), panel


def test_counters_are_asked_for_their_increase() -> None:
    for panel, selector in asked():
        if all_series()[selector.metric].kind in {"counter", "bucket"} and selector.offset is None:
            assert selector.around[0] in GROWTH, f"{panel}: {selector.metric} is a counter"


def test_rates_follow_the_zoom() -> None:
    for panel, selector in asked():
        if selector.around[:1] == ("rate",):
            assert selector.range == RATE_INTERVAL, f"{panel}: use $__rate_interval"


def test_what_every_replica_reads_from_redis_is_not_added_up() -> None:
    for panel, selector in asked():
        if all_series()[selector.metric].aggregate == "max":
            assert selector.around[-1] == "max", f"{panel}: replicas agree on {selector.metric}, take the largest"


def test_quantiles_come_from_buckets() -> None:
    for panel, selector in asked():
        if "histogram_quantile" in selector.around:
            assert all_series()[selector.metric].kind == "bucket", panel
            assert selector.around[:2] in {("rate", "sum"), ("increase", "sum")}, panel


def test_a_query_of_the_wrong_kind_is_found() -> None:
    """The tests above would notice: a metric that is not there, a sum over replicas that agree, a raw counter."""
    wrong = Target("B", "p", 'sum(bot_gateway_active_sessions{job="a", x="b"}) + bot_gateway_nothing', "{{pod}}", False)
    by_metric = {selector.metric: selector for selector in selectors(parse(wrong.expr))}
    assert "bot_gateway_nothing" not in KNOWN_LABELS
    sessions = by_metric["bot_gateway_active_sessions"]
    assert "x" not in KNOWN_LABELS[sessions.metric]
    assert sessions.around == ("sum",)
    assert all_series()[sessions.metric].aggregate == "max"
