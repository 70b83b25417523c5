"""A test case of an alert, and how promtool runs it against the rules that the chart renders.

Series are written in promtool's notation, mostly with one sample every 15 seconds, the scrape and evaluation interval.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from support.charts import NAMESPACE
from support.tools import run, tool

INTERVAL = 15
JOB = "bot-gateway"
REMEDIATOR = "bot-gateway-remediator"


@dataclass(frozen=True)
class Case:
    """Input series, and the times at which the alert fires."""

    alert: str
    name: str
    series: dict[str, str]
    firing: dict[int, int]
    """Seconds from the start to the number of firing alerts then."""
    message: str = ""
    """The description when the alert first fires; empty means that the case does not check it."""
    labels: dict[str, str] = field(default_factory=dict)
    """Labels of the alert besides severity, service and namespace, checked with the message."""
    interval: int = INTERVAL
    """Seconds between two samples and between two evaluations."""

    def __str__(self) -> str:
        return f"{self.alert}-{self.name}"


def selector(metric: str, *, job: str = JOB, **labels: str) -> str:
    """The name of a series with the labels that a scrape adds."""
    pairs = {"namespace": NAMESPACE, "job": job, "pod": "a", "instance": "a:8000", **labels}
    if "pod" in labels and "instance" not in labels:
        pairs["instance"] = f"{labels['pod']}:8000"
    return metric + "{" + ",".join(f'{name}="{value}"' for name, value in pairs.items()) + "}"


def play(case: Case, groups: list[dict[str, Any]], directory: Path) -> None:
    """Run the case with promtool; AssertionError with promtool's output when it fails."""
    rules_file = directory / "rules.yaml"
    rules_file.write_text(yaml.safe_dump({"groups": _groups_of(case.alert, groups)}))
    test: dict[str, Any] = {
        "interval": f"{case.interval}s",
        "name": str(case),
        "input_series": [{"series": series, "values": values} for series, values in case.series.items()],
        "promql_expr_test": [
            {
                "expr": f'count(ALERTS{{alertname="{case.alert}",alertstate="firing"}}) or vector(0)',
                "eval_time": f"{seconds}s",
                "exp_samples": [{"labels": "{}", "value": count}],
            }
            for seconds, count in case.firing.items()
        ],
    }
    if case.message:
        test["alert_rule_test"] = [_reading(case, _rule(case.alert, groups))]
    file = directory / "test.yaml"
    file.write_text(
        yaml.safe_dump({"rule_files": [str(rules_file)], "evaluation_interval": f"{case.interval}s", "tests": [test]})
    )
    done = run(tool("promtool"), "test", "rules", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def _rule(alert: str, groups: list[dict[str, Any]]) -> dict[str, Any]:
    return next(rule for group in groups for rule in group["rules"] if rule.get("alert") == alert)


def _groups_of(alert: str, groups: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The alert after the recording rules that it reads and, if it reads ALERTS, after all other alerts."""
    own = _rule(alert, groups)
    needed = [
        {**group, "rules": [rule for rule in group["rules"] if rule is not own and _is_read(rule, own["expr"])]}
        for group in groups
    ]
    return [*(group for group in needed if group["rules"]), {"name": alert, "rules": [own]}]


def _is_read(rule: dict[str, Any], expression: str) -> bool:
    return f"{rule['record']}{{" in expression if "record" in rule else "ALERTS{" in expression


def _reading(case: Case, rule: dict[str, Any]) -> dict[str, Any]:
    first = next(seconds for seconds, count in case.firing.items() if count)
    annotations = dict(rule["annotations"], description=case.message)
    for name, value in case.labels.items():
        annotations["summary"] = annotations["summary"].replace(f"{{{{ $labels.{name} }}}}", value)
    return {
        "eval_time": f"{first}s",
        "alertname": case.alert,
        "exp_alerts": [{"exp_labels": {**rule["labels"], **case.labels}, "exp_annotations": annotations}],
    }
