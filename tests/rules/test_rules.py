"""The rules as a whole: the specification's table, what every alert must carry, and values that move thresholds."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support.charts import NAMESPACE, Rendering, gateway
from support.tools import ROOT, run, tool

SPECIFIED = {
    "HighErrorRate": ("warning", "1", "5m"),
    "CriticalErrorRate": ("critical", "5", "2m"),
    "HighMessageLatency": ("warning", "2", "5m"),
    "HighServiceErrorRate": ("warning", "0.5", "5m"),
    "CircuitBreakerOpen": ("critical", None, "1m"),
    "ExcessiveRateLimitBlocks": ("warning", "10", "5m"),
    "HighMemoryUsage": ("warning", "1e9", "5m"),
    "CriticalMemoryUsage": ("critical", "2e9", "2m"),
    "HighEventLoopLag": ("warning", "0.1", "5m"),
    "RedisConnectionPoolExhausted": ("warning", "2", "2m"),
    "HighRedisLatency": ("warning", "0.1", "5m"),
    "NoActiveSessions": ("warning", "0", "10m"),
    "ExcessiveFSMSessions": ("warning", "1000", "5m"),
    "ServiceRequestTimeout": ("critical", "10", "3m"),
    "HighAuthFailureRate": ("warning", "1", "5m"),
    "HighWebhookFailureRate": ("warning", "0.5", "3m"),
}
"""Alert to severity, threshold and duration, as the specification has them."""

KEEP_FIRING = {
    *("CriticalErrorRate", "HighServiceErrorRatio", "CircuitBreakerRecentlyOpen", "RedisUnreachable", "RedisFull"),
    *("TelegramSlow", "TelegramErrors", "CauseRecentlyFired"),
}
AlertRules = dict[str, dict[str, Any]]


@pytest.mark.parametrize("alert", SPECIFIED)
def test_the_specified_alerts_have_the_specified_defaults(alert: str, alert_rules: AlertRules) -> None:
    severity, threshold, duration = SPECIFIED[alert]
    rule = alert_rules[alert]
    assert rule["labels"]["severity"] == severity
    assert rule["for"] == duration
    if threshold is not None:
        assert rule["expr"].split()[-1] == threshold


def test_every_alert_carries_what_routing_and_people_need(alert_rules: AlertRules) -> None:
    dashboards = {
        json.loads(file.read_text())["uid"] for file in (ROOT / "charts/bot-gateway/dashboards").glob("*.json")
    }
    for name, rule in alert_rules.items():
        assert rule["labels"]["service"] == "bot-gateway", name
        assert rule["labels"]["namespace"] == NAMESPACE, name
        assert rule["labels"]["severity"] in {"critical", "warning", "none"}, name
        assert rule["annotations"]["summary"], name
        assert rule["annotations"]["runbook_url"].endswith(f"/docs/runbooks/{name}.md"), name
        assert rule["annotations"]["dashboard_url"].rpartition("/")[2] in dashboards, name
        # Only alerts that silence others continue, never one that the operator or a person waits for to end.
        assert ("keep_firing_for" in rule) == (name in KEEP_FIRING), name


def test_every_selector_is_of_this_release(rule_groups: list[dict[str, Any]]) -> None:
    for group in rule_groups:
        for rule in group["rules"]:
            expression = rule["expr"]
            if "up{job=~" in expression or expression.startswith("vector("):
                continue
            selectors = [piece.partition("}")[0] for piece in expression.split("{")[1:]]
            assert selectors
            assert all(f'namespace="{NAMESPACE}"' in selector for selector in selectors), expression


def test_promtool_accepts_the_rules(rendering: Rendering, tmp_path: Any) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(json.dumps(rendering.one("PrometheusRule", "bot-gateway")["spec"]))
    done = run(tool("promtool"), "check", "rules", "--lint=all", "--lint-fatal", str(file))
    assert done.returncode == 0, done.stdout + done.stderr


def test_thresholds_durations_and_severities_are_values() -> None:
    alerts = {
        name: {"threshold": 77, "for": "7m", "severity": "warning"}
        for name, (_, threshold, _) in SPECIFIED.items()
        if threshold is not None
    }
    rules = _rules({"alerts": alerts})
    for name in alerts:
        assert rules[name]["expr"].split()[-1] == "77", name
        assert rules[name]["for"] == "7m"
        assert rules[name]["labels"]["severity"] == "warning"


def test_an_alert_can_be_switched_off_and_labelled() -> None:
    rules = _rules({"alerts": {"HighErrorRate": {"enabled": False}}, "rules": {"alertLabels": {"team": "bots"}}})
    assert "HighErrorRate" not in rules
    assert rules["CriticalErrorRate"]["labels"]["team"] == "bots"


@pytest.mark.parametrize(
    ("hours", "ending"),
    [
        ({}, "<= 0"),
        ({"start": 3, "end": 18}, "<= 0 and on () (hour() >= 3 and hour() < 18)"),
        ({"start": 22, "end": 6}, "<= 0 and on () (hour() >= 22 or hour() < 6)"),
    ],
)
def test_no_active_sessions_can_be_restricted_to_active_hours(hours: dict[str, int], ending: str) -> None:
    expression = _rules({"alerts": {"NoActiveSessions": {"activeHours": hours}}})["NoActiveSessions"]["expr"]
    assert expression.endswith(ending)


def test_the_objectives_are_values() -> None:
    rules = _rules({"slo": {"success": {"objective": 99.5}, "latency": {"objective": 95, "bound": "5.0"}}})
    assert "14.4 * 0.005" in rules["UpdateSuccessBudgetBurn"]["expr"]
    assert "14.4 * 0.05" in rules["UpdateLatencyBudgetBurn"]["expr"]
    assert "95 %" in rules["UpdateLatencyBudgetBurn"]["annotations"]["description"]


def test_the_objectives_are_recorded_for_the_dashboards() -> None:
    slo = {"success": {"objective": 99.5}, "latency": {"objective": 95, "bound": "5.0"}}
    groups = gateway({"slo": slo}, namespace=NAMESPACE).one("PrometheusRule", "bot-gateway")["spec"]["groups"]
    recorded = {rule["record"]: rule for group in groups for rule in group["rules"] if "record" in rule}
    success = recorded["namespace_job:bot_gateway_update_error_budget:allowed_ratio"]
    latency = recorded["namespace_job:bot_gateway_slow_update_budget:allowed_ratio"]
    target = {"namespace": NAMESPACE, "job": "bot-gateway"}
    assert (success["expr"], success["labels"]) == ("vector(0.005)", {**target, "objective": "99.5"})
    assert (latency["expr"], latency["labels"]) == ("vector(0.05)", {**target, "objective": "95", "bound": "5.0"})


def _rules(values: dict[str, Any]) -> AlertRules:
    groups = gateway(values, namespace=NAMESPACE).one("PrometheusRule", "bot-gateway")["spec"]["groups"]
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}
