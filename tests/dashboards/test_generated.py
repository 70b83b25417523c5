"""The committed JSON is up to date and valid for Grafana and its sidecar."""

from __future__ import annotations

import json
from typing import Any

import pytest
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models import dashboard as models

from boards import export, links
from dashboards.committed import COPY, JSON, all_dashboards

CONFIG_MAP_LIMIT = 1 << 20
ANNOTATION_EXTRAS = {"titleFormat", "textFormat", "tagKeys", "step"}
"""Fields of Grafana's Prometheus data source that the SDK's annotation does not know."""

SPECIFIED_PANELS = {
    "overview.json": [
        "Message rate by type and role",
        "Message processing duration (95th percentile)",
        "Active sessions and FSM sessions",
        "Error rate",
        "Command execution rate",
        "Callback query rate",
        "Rate limit blocks",
        "FSM state transitions",
    ],
    "service-integration.json": [
        "Service request rate",
        "Service response time (95th percentile)",
        "Requests to $service",
        "Service error rate by service",
        "Service errors (last 1h)",
        "Circuit breaker states",
        "$service: response time",
    ],
    "performance.json": [
        "Memory usage (RSS, heap, external)",
        "CPU usage",
        "Event loop lag (95th, 99th percentile)",
        "Redis operations rate",
        "Redis operation latency",
        "Redis connection pool",
        "Middleware duration",
        "Session duration distribution",
    ],
}
FILES = pytest.mark.parametrize("name", sorted(export.BUILDERS))


def test_nothing_differs_from_the_code() -> None:
    assert export.drifted() == [], "run `make generate`"


@FILES
def test_the_chart_has_the_same_files(name: str) -> None:
    assert (COPY / name).read_bytes() == (JSON / name).read_bytes()


def test_titles_and_uids_stay() -> None:
    assert {board["uid"]: board["title"] for board in all_dashboards().values()} == {
        "bot-gateway-overview": "Bot Gateway - Overview",
        "bot-gateway-service-integration": "Bot Gateway - Service Integration",
        "bot-gateway-performance": "Bot Gateway - Performance & Resources",
        "bot-gateway-remediation": "Bot Gateway - Remediation",
        "bot-gateway-slo": "Bot Gateway - SLO",
    }
    assert len(links.BOARDS) == len(all_dashboards())


@pytest.mark.parametrize("name", sorted(SPECIFIED_PANELS))
def test_every_specified_panel_exists(name: str) -> None:
    titles = {panel["title"] for panel in all_dashboards()[name]["panels"]}
    assert set(SPECIFIED_PANELS[name]) <= titles


@FILES
def test_the_schema_of_grafana_holds_all_of_it(name: str) -> None:
    """Read into the SDK's types and written again, nothing is lost: there is no field that they do not know."""
    register_default_plugins()
    committed = all_dashboards()[name]
    again = json.loads(JSONEncoder().encode(models.Dashboard.from_json(committed)))
    assert _lost(_without_extras(committed), again) == []


@FILES
def test_it_fits_into_a_config_map(name: str) -> None:
    lines = (JSON / name).read_text("utf-8").splitlines(keepends=True)
    indented_by_the_chart = sum(len(line.encode()) + 4 for line in lines)
    assert indented_by_the_chart < CONFIG_MAP_LIMIT


def test_names_are_keys_of_a_config_map() -> None:
    assert all(name.endswith(".json") and name.replace("-", "").replace(".", "").isalpha() for name in export.BUILDERS)


def _lost(before: Any, after: Any, path: str = "") -> list[str]:
    """Where something of `before` is missing or different in `after`; defaults that were added do not matter."""
    if isinstance(before, dict) and isinstance(after, dict):
        return [
            found
            for key, value in before.items()
            for found in (_lost(value, after[key], f"{path}.{key}") if key in after else [f"{path}.{key}"])
        ]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        return [found for n, value in enumerate(before) for found in _lost(value, after[n], f"{path}[{n}]")]
    return [] if before == after else [path]


def _without_extras(board: dict[str, Any]) -> dict[str, Any]:
    listed = [
        {key: value for key, value in annotation.items() if key not in ANNOTATION_EXTRAS}
        for annotation in board["annotations"]["list"]
    ]
    return board | {"annotations": board["annotations"] | {"list": listed}}
