"""The rules ask only for metrics that the programs export, by labels and values that these have."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from prometheus_client import CollectorRegistry

import app.core.metrics  # noqa: F401  # declares the families
from app.core.metric_family import FAMILIES
from remediator.metrics import Metrics

ADDED_BY_THE_SCRAPE = {"namespace", "job", "pod", "le"}
Groups = list[dict[str, Any]]


def selectors(groups: Groups, prefix: str) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Each metric of the rules, without a histogram's ending, and the label values that it is asked for."""
    for group in groups:
        for rule in group["rules"]:
            for name, labels in re.findall(rf"(?<![\w:])({prefix}\w+)\{{([^}}]*)\}}", rule["expr"]):
                pairs = re.findall(r'(\w+)(?:=~|!=|!~|=)"([^"]*)"', labels)
                yield re.sub("_(bucket|count|sum)$", "", name), {label: value.split("|") for label, value in pairs}


def test_the_gateways_metrics_exist_with_the_labels_and_values_asked_for(rule_groups: Groups) -> None:
    families = {family.name: family for family in FAMILIES}
    found = list(selectors(rule_groups, "bot_gateway_"))
    assert len(found) > 30
    for name, labels in found:
        family = families[name]
        for label, values in labels.items():
            if label not in ADDED_BY_THE_SCRAPE:
                allowed = family.labels[label]
                assert isinstance(allowed, str) or set(values) <= set(allowed), f"{name}{{{label}}}"


def test_what_is_grouped_by_is_a_label(rule_groups: Groups) -> None:
    labels = {label for family in FAMILIES for label in family.labels}
    operator = {"policy", "target"}
    for group in rule_groups:
        for rule in group["rules"]:
            for names in re.findall(r"(?:by|on) ?\(([^)]+)\)", rule["expr"]):
                assert set(names.split(", ")) <= labels | operator | ADDED_BY_THE_SCRAPE, rule["expr"]


def test_the_operators_metrics_exist(rule_groups: Groups) -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    exported = {metric.name for metric in registry.collect()}
    asked = {name for name, _ in selectors(rule_groups, "remediator_")}
    assert asked
    assert asked <= exported
