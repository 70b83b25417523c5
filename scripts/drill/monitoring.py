"""Reads the drill's alert from Prometheus and Alertmanager."""

from __future__ import annotations

from collections import Counter
from typing import Any

import httpx
import yaml

from drill.kubectl import DrillError
from drill.routes import FAILED, SENT, counted

ALERT = "HighErrorRate"


class Monitoring:
    """Queries to Prometheus and Alertmanager about the drill's alert."""

    def __init__(self, client: httpx.AsyncClient, prometheus: str, alertmanager: str, namespace: str) -> None:
        self._client = client
        self._prometheus = prometheus
        self._alertmanager = alertmanager
        self._namespace = namespace

    async def _get(self, url: str, **params: str) -> httpx.Response:
        return (await self._client.get(url, params=params)).raise_for_status()

    async def rule_labels(self, job: str) -> dict[str, str]:
        """The labels that the alert will have. Raises DrillError if Prometheus has no such rule."""
        groups = (await self._get(f"{self._prometheus}/api/v1/rules", type="alert")).json()["data"]["groups"]
        for rule in (rule for group in groups for rule in group["rules"]):
            if (
                rule["name"] == ALERT
                and rule["labels"].get("namespace") == self._namespace
                and f'job="{job}"' in rule["query"]
            ):
                return {**rule["labels"], "alertname": ALERT, "job": job}
        raise DrillError(
            f"Prometheus has no rule {ALERT} for {job} in {self._namespace}: is the PrometheusRule selected?"
        )

    async def in_state(self, state: str) -> bool:
        """Whether the alert is pending or firing in Prometheus."""
        query = f'ALERTS{{alertname="{ALERT}",namespace="{self._namespace}",alertstate="{state}"}}'
        return bool((await self._get(f"{self._prometheus}/api/v1/query", query=query)).json()["data"]["result"])

    async def alerts(self) -> list[dict[str, Any]]:
        """The alert in Alertmanager; empty once it is resolved."""
        found = (await self._get(f"{self._alertmanager}/api/v2/alerts")).json()
        labels = {"alertname": ALERT, "namespace": self._namespace}
        return [alert for alert in found if labels.items() <= alert["labels"].items()]

    async def configuration(self) -> dict[str, Any]:
        """The alertmanager.yml that Alertmanager has loaded."""
        status = (await self._get(f"{self._alertmanager}/api/v2/status")).json()
        config: dict[str, Any] = yaml.safe_load(status["config"]["original"])
        return config

    async def groups(self) -> list[dict[str, Any]]:
        """Every group of alerts with its receiver."""
        found: list[dict[str, Any]] = (await self._get(f"{self._alertmanager}/api/v2/alerts/groups")).json()
        return found

    async def counters(self) -> tuple[Counter[str], Counter[str]]:
        """Notifications sent and failed since Alertmanager started, by integration."""
        text = (await self._get(f"{self._alertmanager}/metrics")).text
        return counted(text, SENT), counted(text, FAILED)
