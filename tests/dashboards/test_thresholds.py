"""Thresholds in panels equal the thresholds of the chart's rules."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from boards import alerts, links, slo
from dashboards.committed import CHART, all_dashboards, panels

VALUES: dict[str, Any] = yaml.safe_load((CHART / "values.yaml").read_text("utf-8"))
RULES: list[dict[str, str]] = [
    rule for path in sorted((CHART / "rules").glob("*.yaml")) for rule in yaml.safe_load(path.read_text("utf-8"))
]
SPECIFIED_ALERTS = 16


def test_all_specified_alerts_are_known() -> None:
    assert len(alerts.ALL) == SPECIFIED_ALERTS
    assert {alert.name for alert in alerts.ALL} <= VALUES["alerts"].keys()


@pytest.mark.parametrize("alert", alerts.ALL, ids=lambda alert: alert.name)
def test_threshold_and_severity_are_the_charts(alert: alerts.Alert) -> None:
    value = VALUES["alerts"][alert.name]
    assert alert.severity == value["severity"]
    if "threshold" in value:
        assert alert.threshold == float(value["threshold"])


def test_every_specified_alert_has_a_panel_with_its_runbook() -> None:
    linked = {
        link["url"].rsplit("/", 1)[-1].removesuffix(".md")
        for board in all_dashboards().values()
        for panel in panels(board)
        for link in panel.get("links", ())
        if link["url"].startswith("${runbooks}")
    }
    assert {alert.name for alert in alerts.ALL} <= linked
    assert linked <= VALUES["alerts"].keys(), "a panel links to the runbook of an alert that does not exist"


def test_objectives_come_from_the_recording_rules() -> None:
    """Numbers of the chart's values in the JSON would be wrong in a cluster with other objectives."""
    text = (CHART / "dashboards/slo.json").read_text("utf-8")
    success, latency = VALUES["slo"]["success"], VALUES["slo"]["latency"]
    for number in (success["objective"], success["objective"] / 100, round(1 - success["objective"] / 100, 8)):
        assert str(number) not in text
    assert f'le=\\"{latency["bound"]}' not in text
    assert slo.FAILING_ALLOWED in text
    assert slo.SLOW_ALLOWED in text


def test_runbooks_are_where_the_alerts_say() -> None:
    assert VALUES["projectUrl"] + "/blob/main/docs/runbooks" == links.RUNBOOKS_BASE


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_leads_to_a_dashboard_that_exists(rule: dict[str, str]) -> None:
    assert rule["dashboard"] in {board.uid for board in links.BOARDS}
