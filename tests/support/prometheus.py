"""The HTTP API of Prometheus and Alertmanager as the tests need it."""

from __future__ import annotations

from typing import Any

import httpx


def query(base_url: str, promql: str) -> list[dict[str, Any]]:
    """The instant vector of `promql`, as Prometheus' JSON has it."""
    response = httpx.get(f"{base_url}/api/v1/query", params={"query": promql}, timeout=10).raise_for_status().json()
    result: list[dict[str, Any]] = response["data"]["result"]
    return result


def alerts(alertmanager_url: str, **labels: str) -> list[dict[str, Any]]:
    """Alerts that Alertmanager holds whose labels contain `labels`."""
    found: list[dict[str, Any]] = httpx.get(f"{alertmanager_url}/api/v2/alerts", timeout=10).raise_for_status().json()
    return [alert for alert in found if labels.items() <= alert["labels"].items()]
