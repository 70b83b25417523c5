"""Alerts as the demo's Prometheus raises them: with the labels of its scrape configuration and of the chart's rules."""

import re
from typing import Any

import yaml

from sandbox.demo.monitoring import CHART, JOB, POD, prometheus_config
from sandbox.demo.settings import DemoSettings
from sandbox.settings import Settings


def alert_labels(alertname: str, backend: str) -> dict[str, str]:
    """Return the labels of an alert about one backend.

    An alert has the labels that its expression keeps and those of its rule, where the rule's win:
    https://prometheus.io/docs/prometheus/latest/configuration/alerting_rules/
    """
    rule = _rule(alertname)
    series = _series() | {"service_name": backend}
    kept = re.match(r"max by \(([^)]*)\)", rule["expr"])
    assert kept is not None, f"the labels that {alertname} keeps are not known from {rule['expr']}"
    return {name: series[name] for name in kept[1].split(", ")} | rule["labels"] | {"alertname": alertname}


def _rule(alertname: str) -> dict[str, Any]:
    groups = yaml.safe_load((CHART / "rules.yml").read_text())["groups"]
    return next(rule for group in groups for rule in group["rules"] if rule.get("alert") == alertname)


def _series() -> dict[str, str]:
    """Labels of every series of the gateway; the metric adds its own."""
    jobs = prometheus_config(DemoSettings(), Settings(), "")["scrape_configs"]
    gateway = next(job for job in jobs if job["job_name"] == JOB)
    labels: dict[str, str] = gateway["static_configs"][0]["labels"]
    assert labels["pod"] == POD
    return {"job": JOB, **labels}
