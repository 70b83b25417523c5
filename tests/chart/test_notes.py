"""NOTES.txt: warnings about settings that will not work."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from support.charts import APP_VERSION, GATEWAY_CHART
from support.tools import run, tool


def notes(values: dict[str, Any] | None = None) -> str:
    """NOTES.txt as an installation would print it; no cluster is asked, so there is no monitoring API unless forced."""
    telegram = {"token": "42:TEST", **(values or {}).get("telegram", {})}
    arguments = ("install", "bot-gateway", str(GATEWAY_CHART), "--namespace", "bots", "--dry-run=client")
    done = run(
        tool("helm"), *arguments, "--values", "-", stdin=yaml.safe_dump({**(values or {}), "telegram": telegram})
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.partition("NOTES:")[2]


FORCED = {"monitoring": {"enabled": True}}


@pytest.mark.parametrize(
    ("values", "warning"),
    [
        ({}, "no monitoring.coreos.com API"),
        ({"monitoring": {"enabled": True, "labels": {"release": None}}}, "monitoring.labels is empty"),
        (FORCED, "The operator decides and records but does not act"),
        ({**FORCED, "backends": {"serviceToken": "sandbox-service-token"}}, "backends.serviceToken is the sandbox's"),
        (FORCED, "Slack is not configured"),
        (FORCED, f"The image bot-gateway:{APP_VERSION} has no registry"),
        (FORCED, f"The image bot-remediator:{APP_VERSION} has no registry"),
        (FORCED, "Telegram has no URL to post updates to"),
        (FORCED, "The bundled Redis is one replica, for evaluation"),
        (FORCED, "default password"),
        (FORCED, "the runbook links of alerts and dashboards do not work"),
        ({**FORCED, "replicaCount": 1}, "With one replica the operator never restarts the pod"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_setting_that_will_not_work_is_warned_of(values: dict[str, Any], warning: str) -> None:
    assert warning in notes(values)


def test_a_production_installation_has_no_warnings() -> None:
    text = notes(
        {
            "projectUrl": "https://git.example.org/bots/bot-gateway",
            "image": {"registry": "registry.example.org/bots"},
            "monitoring": {"enabled": True},
            "operator": {"policy": {"mode": "Enforce"}},
            "backends": {"serviceToken": "our-own"},
            "alerting": {"slack": {"existingSecret": "slack"}},
            "telegram": {"webhookUrl": "https://bot.example.com/webhook"},
            "redis": {"enabled": False},
            "externalRedis": {"url": "redis://redis.example.com:6379/0"},
        }
    )
    lines = [line for line in text.splitlines() if line.startswith(("WARNING", "NOTE"))]
    assert lines == []
    assert '{"release":"kube-prometheus-stack"}' in text
