"""On the cluster: notifications to Slack and notification-service, their times, groups, repeats and resolutions."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from support.charts import GATEWAY_CHART
from support.cluster import ALERTMANAGER, IMAGE_TAG, IMAGES, MONITORING, helm, namespace
from support.kubectl import kubectl, port_forward, wait_for
from support.tools import tool

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

RECORDER = Path(__file__).with_name("recorder.py")
REPEAT_SECONDS = 20
Notification = dict[str, Any]


def manifests() -> str:
    """A pod that records, under the name of notification-service."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "recorder", "labels": {"app": "recorder"}},
        "spec": {
            "automountServiceAccountToken": False,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [
                {
                    "name": "recorder",
                    "image": f"bot-gateway:{IMAGE_TAG}",
                    "command": ["python", "-c", RECORDER.read_text()],
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                }
            ],
        },
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "notification-service"},
        "spec": {"selector": {"app": "recorder"}, "ports": [{"port": 8000}]},
    }
    return yaml.safe_dump_all([pod, service])


@pytest.fixture(scope="module")
def space() -> Iterator[str]:
    """The recorder and a release whose Slack it is, with repeats of seconds."""
    with namespace("bot-gateway-alerts") as name:
        kubectl("apply", "-n", name, "-f", "-", stdin=manifests())
        kubectl("wait", "-n", name, "--for=condition=Ready", "pod/recorder", "--timeout=60s")
        values = {
            "telegram": {"token": "42:TEST"},
            "replicaCount": 1,
            "operator": {"enabled": False},
            "alerting": {
                "slack": {"webhookUrl": f"http://notification-service.{name}:8000/slack"},
                "critical": {"groupInterval": "5s", "repeatInterval": f"{REPEAT_SECONDS}s"},
                "warning": {"groupWait": "5s", "groupInterval": "5s"},
            },
        }
        arguments = ("-n", name, "--skip-crds", *IMAGES, "--set-json", f"telegram={json.dumps(values.pop('telegram'))}")
        more = [f"--set-json={key}={json.dumps(value)}" for key, value in values.items()]
        helm(tool("helm"), "install", "bot-gateway", str(GATEWAY_CHART), *arguments, *more)
        yield name


@pytest.fixture(scope="module")
def alertmanager(space: str) -> Iterator[str]:
    """Alertmanager's address, once it has taken the release's routes."""
    with port_forward(MONITORING, f"svc/{ALERTMANAGER}", 9093) as url:
        wait_for(
            "the release's routes in Alertmanager",
            lambda: f"{space}/bot-gateway-people/critical" in configuration(url) or None,
            seconds=150,
        )
        yield url


def configuration(url: str) -> str:
    """What Alertmanager runs with."""
    return httpx.get(f"{url}/api/v2/status", timeout=10).raise_for_status().text


def received(space: str) -> list[Notification]:
    return [json.loads(line) for line in kubectl("logs", "-n", space, "recorder").splitlines()]


def post(url: str, *alerts: dict[str, str], ends: bool = False) -> None:
    """Post alerts as a person would by hand, or their end."""
    now = datetime.now(UTC)
    body = [
        {
            "labels": {"service": "bot-gateway", **labels},
            "annotations": {"summary": f"{labels['alertname']} by hand", "description": "A test."},
            "startsAt": (now - timedelta(minutes=5)).isoformat(),
            "endsAt": (now if ends else now + timedelta(minutes=30)).isoformat(),
        }
        for labels in alerts
    ]
    httpx.post(f"{url}/api/v2/alerts", json=body, timeout=10).raise_for_status()


def test_alerts_reach_their_receivers_repeat_and_resolve(space: str, alertmanager: str) -> None:
    job = {"namespace": space, "job": "bot-gateway"}
    breaker = {**job, "alertname": "CircuitBreakerOpen", "severity": "critical", "service_name": "request"}
    inhibited = {**job, "alertname": "ServiceRequestTimeout", "severity": "critical", "service_name": "request"}
    warning = {**job, "alertname": "HighErrorRate", "severity": "warning"}
    nowhere = {"alertname": "HighAuthFailureRate", "severity": "critical"}
    post(alertmanager, breaker, inhibited, warning, nowhere)

    def seen(path: str, **facts: Any) -> list[Notification]:
        return [item for item in received(space) if item["path"] == path and facts.items() <= item.items()]

    critical = {"channel": "#bot-gateway-critical", "title": "[FIRING:1] CircuitBreakerOpen"}
    wait_for("critical in Slack", lambda: seen("/slack", **critical), seconds=30)
    wait_for("critical at notification-service", lambda: seen("/api/v1/alerts", status="firing"), seconds=30)
    warnings = {"channel": "#bot-gateway-warnings", "title": "[FIRING:1] HighErrorRate"}
    wait_for("warning in Slack", lambda: seen("/slack", **warnings), seconds=30)
    wait_for("a repeat", lambda: len(seen("/slack", **critical)) >= 2 or None, seconds=2 * REPEAT_SECONDS + 15)
    first, second = (item["at"] for item in seen("/slack", **critical)[:2])
    assert REPEAT_SECONDS - 1 <= second - first <= REPEAT_SECONDS + 7

    post(alertmanager, breaker, inhibited, warning, nowhere, ends=True)
    for channel, alert in (("#bot-gateway-critical", "CircuitBreakerOpen"), ("#bot-gateway-warnings", "HighErrorRate")):
        resolved = {"channel": channel, "title": f"[RESOLVED] {alert}"}
        wait_for(f"{alert} resolved in Slack", functools.partial(seen, "/slack", **resolved), seconds=60)
    wait_for("resolved at notification-service", lambda: seen("/api/v1/alerts", status="resolved"), seconds=60)

    everything = json.dumps(received(space))
    assert "ServiceRequestTimeout" not in everything
    assert "HighAuthFailureRate" not in everything
    assert not seen("/api/v1/alerts", alerts=[["HighErrorRate", "firing"]])
