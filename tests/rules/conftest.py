"""The rules as the chart renders them, once for the whole run."""

from __future__ import annotations

from typing import Any

import pytest

from support.charts import Rendering, gateway


@pytest.fixture(scope="session")
def rendering() -> Rendering:
    """The gateway's chart with its defaults."""
    return gateway()


@pytest.fixture(scope="session")
def rule_groups(rendering: Rendering) -> list[dict[str, Any]]:
    """The groups of the PrometheusRule."""
    groups: list[dict[str, Any]] = rendering.one("PrometheusRule", "bot-gateway")["spec"]["groups"]
    return groups


@pytest.fixture(scope="session")
def alert_rules(rule_groups: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The alerting rules by name."""
    return {rule["alert"]: rule for group in rule_groups for rule in group["rules"] if "alert" in rule}
