"""The alert drill: which receivers an alert will reach, and which notifications a counter counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from drill.routes import FAILED, SENT, Receiver, counted, other_groups, receivers_of
from support.charts import gateway
from support.tools import run, tool

VALUES = {
    "alerting": {
        "plainConfig": True,
        "slack": {"webhookUrl": "https://slack.example.com/x"},
        "watchdog": {"url": "https://deadman.example.com"},
    }
}
OURS = {"namespace": "bots", "service": "bot-gateway", "gateway": "bot-gateway", "alertname": "HighErrorRate"}


def config(values: dict[str, Any]) -> dict[str, Any]:
    text = gateway(values).one("ConfigMap", "bot-gateway-alertmanager")["data"]["alertmanager.yml"]
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@pytest.mark.parametrize(
    "labels",
    [
        {**OURS, "severity": "critical"},
        {**OURS, "severity": "warning"},
        {**OURS, "severity": "none", "alertname": "Watchdog"},
        {**OURS, "severity": "warning", "gateway": "second-bot-gateway"},
        {"service": "bot-gateway", "severity": "critical"},
        {**OURS, "severity": "unknown"},
    ],
    ids=str,
)
def test_routes_match_as_in_alertmanager(labels: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "alertmanager.yml"
    file.write_text(yaml.safe_dump(config(VALUES)))
    arguments = [f"{name}={value}" for name, value in labels.items()]
    done = run(tool("amtool"), "config", "routes", "test", f"--config.file={file}", *arguments)
    assert [receiver.name for receiver in receivers_of(config(VALUES), labels)] == done.stdout.strip().split(",")


def test_the_receivers_are_known_in_advance() -> None:
    warning = {**OURS, "severity": "warning"}
    people, operator = receivers_of(config(VALUES), warning)
    assert (str(people), people.is_operator) == ("warning (slack)", False)
    assert (str(operator), operator.is_operator) == ("remediator (webhook)", True)
    without_slack = config({"alerting": {"plainConfig": True}})
    assert [str(receiver) for receiver in receivers_of(without_slack, warning)] == [
        "warning (notifies nobody)",
        "remediator (webhook)",
    ]
    assert receivers_of(without_slack, {"alertname": "Foreign"}) == [Receiver("nobody", ())]


def test_the_older_match_fields_of_a_route_are_supported() -> None:
    route = {"receiver": "a", "routes": [{"receiver": "b", "match": {"x": "1"}, "match_re": {"y": "p|q"}}]}
    assert receivers_of({"route": route}, {"x": "1", "y": "q"}) == [Receiver("b", ())]
    assert receivers_of({"route": route}, {"x": "1", "y": "pq"}) == [Receiver("a", ())]


METRICS = """\
# TYPE alertmanager_notifications_total counter
alertmanager_notifications_total{integration="slack",receiver_name="a"} 3
alertmanager_notifications_total{integration="slack",receiver_name="b"} 4
alertmanager_notifications_total{integration="webhook"} 0
# TYPE alertmanager_notifications_failed_total counter
alertmanager_notifications_failed_total{integration="slack",reason="clientError"} 2
"""


def test_notifications_are_counted_by_integration() -> None:
    assert counted(METRICS, SENT) == {"slack": 7, "webhook": 0}
    assert counted(METRICS, FAILED) == {"slack": 2}


def test_other_groups_of_the_same_integration_are_counted() -> None:
    ours = receivers_of(config(VALUES), {**OURS, "severity": "warning"})
    groups = [{"receiver": {"name": name}} for name in ("warning", "critical", "critical", "nobody", "unknown")]
    assert other_groups(groups, config(VALUES), ours) == {"slack": 2, "webhook": 2}
