"""What the gateway, the operator and the chart's recording rules export: names, kinds, labels, how to aggregate."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Metric

from app.core import metrics as gateway_metrics
from app.core.metric_family import FAMILIES
from dashboards.committed import CHART
from remediator.metrics import Metrics

TARGET_LABELS = frozenset({"namespace", "job", "pod", "instance", "container", "endpoint", "service"})
"""What a ServiceMonitor's scrape adds to every series."""

ALERT_LABELS = frozenset({"alertname", "alertstate", "severity", "service_name", "policy"})
"""Labels of `ALERTS` besides the target's: Prometheus' own and those by which the rules aggregate."""

assert gateway_metrics.BUILD_INFO  # importing it is what declares the families


@dataclass(frozen=True)
class Series:
    """Samples of one name: the kind of their family, all labels, and how replicas are put together."""

    kind: str
    labels: frozenset[str]
    aggregate: str = ""


@functools.cache
def all_series() -> dict[str, Series]:
    """Everything that a panel may ask for, by the name of its samples."""
    found = {"ALERTS": Series("alert", ALERT_LABELS | TARGET_LABELS)}
    found |= {name: Series("recorded", frozenset({"namespace", "job"})) for name in recording_rules()}
    for family in FAMILIES:
        found |= _samples(family.name, family.kind, frozenset(family.labels), family.aggregate)
    for collector in vars(Metrics(CollectorRegistry())).values():
        for described in collector.describe() if hasattr(collector, "describe") else ():
            found |= _samples(*_described(described), frozenset(collector._labelnames), "")
    return found


@functools.cache
def recording_rules() -> frozenset[str]:
    """The names that the chart's rules record, from their templates: a name may end in one of the windows listed."""
    texts = [path.read_text("utf-8") for path in sorted((CHART / "templates").iterdir()) if path.is_file()]
    windows = {window for text in texts for window in re.findall(r"\"(\d+[mhd])\"", text)}
    names = {name for text in texts for name in re.findall(r"- record: (\S+?)(?:\{\{|$)", text, re.MULTILINE)}
    assert windows, "no window of a recording rule in the chart's templates"
    assert names, "no recording rule in the chart's templates"
    return frozenset(name + window for name in names for window in ("", *windows))


def _described(metric: Metric) -> tuple[str, str]:
    return metric.name + ("_total" if metric.type == "counter" else ""), metric.type


def _samples(name: str, kind: str, labels: frozenset[str], aggregate: str) -> dict[str, Series]:
    labels |= TARGET_LABELS
    if kind != "histogram":
        return {name: Series(kind, labels, aggregate)}
    return {
        f"{name}_bucket": Series("bucket", labels | {"le"}),
        f"{name}_sum": Series("counter", labels),
        f"{name}_count": Series("counter", labels),
    }
