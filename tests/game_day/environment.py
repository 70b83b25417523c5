"""A test environment: one release in DryRun, one in Enforce, and their own Prometheus and Alertmanager.

Each environment has its own monitoring, so that a fault of it does not affect the others.
"""

from __future__ import annotations

import functools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from game_day.api_server import ApiServer, helm, kubectl
from game_day.monitoring import LABEL, manifests
from game_day.release import Release, wait_for

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MODES = ("DryRun", "Enforce")
PREFIX = "game"
PROMETHEUS_API = "/apis/monitoring.coreos.com/v1/namespaces"
PLURALS = {"prometheus": "prometheuses", "alertmanager": "alertmanagers"}


class Environment:
    """Names, addresses and state of one environment."""

    def __init__(self, api: ApiServer, name: str) -> None:
        self.api = api
        self.name = name
        self.monitoring = f"{PREFIX}-{name}-monitoring"
        self.releases = tuple(Release(api, f"{PREFIX}-{name}-{mode.lower()}", mode) for mode in MODES)
        self.prometheus_url = api.service_url(self.monitoring, "prometheus-operated", 9090)
        self.alertmanager_url = api.service_url(self.monitoring, "alertmanager-operated", 9093)
        self._stopped: dict[str, int] = {}
        self._lock = threading.Lock()

    @property
    def namespaces(self) -> tuple[str, ...]:
        """Every namespace of the environment."""
        return (self.monitoring, *(release.namespace for release in self.releases))

    def install(self, image_tag: str) -> None:
        """Install or upgrade the environment and wait until it is ready."""
        for namespace in self.namespaces:
            labels = {LABEL: self.name, "kubernetes.io/metadata.name": namespace}
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}}
            kubectl("apply", "-f", "-", stdin=json.dumps(body))
        items = manifests(self.api, self.name, self.monitoring, [r.namespace for r in self.releases])
        kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
        for release in self.releases:
            helm("upgrade", "--install", "sandbox", str(ROOT / "charts/sandbox"), "-n", release.namespace,
                 "-f", str(HERE / "sandbox-values.yaml"), "--set", f"image.tag={image_tag}")  # fmt: skip
            self.upgrade(release, image_tag)
        for release in self.releases:
            wait_for(f"{release.namespace} ready", release.is_complete, seconds=300)
            wait_for(
                f"sandbox of {release.namespace}", functools.partial(release.control, "GET", "/traffic"), seconds=120
            )
        wait_for(f"Prometheus of environment {self.name}", self.all_targets_up, seconds=240, every=5)

    def upgrade(self, release: Release, image_tag: str, *more: str) -> None:
        """`helm upgrade --install` of the gateway with the values of the game day and `more` arguments."""
        helm("upgrade", "--install", "bot-gateway", str(ROOT / "charts/bot-gateway"), "-n", release.namespace,
             "-f", str(HERE / "gateway-values.yaml"), "--set", f"image.tag={image_tag}",
             "--set", f"operator.image.tag={image_tag}", "--set", f"operator.policy.mode={release.mode}",
             "--set", f"monitoring.namespace={self.monitoring}",
             "--set", f"monitoring.labels.release=game-day-{self.name}",
             "--set", f"monitoring.prometheusUrl=http://prometheus-operated.{self.monitoring}:9090",
             "--set", f"monitoring.alertmanagerUrl=http://alertmanager-operated.{self.monitoring}:9093",
             *more)  # fmt: skip

    def uninstall(self) -> None:
        """Remove every namespace of the environment."""
        kubectl("delete", "namespace", *self.namespaces, "--ignore-not-found", "--wait=false")

    def query(self, promql: str) -> list[dict[str, Any]]:
        """The instant vector of `promql`."""
        response = httpx.get(f"{self.prometheus_url}/api/v1/query", params={"query": promql}, timeout=20)
        result: list[dict[str, Any]] = response.raise_for_status().json()["data"]["result"]
        return result

    def all_targets_up(self) -> bool:
        """Whether Prometheus scrapes every gateway pod of both releases."""
        found = self.query('count by (namespace) (up{job="bot-gateway"} == 1)')
        up = {item["metric"]["namespace"]: float(item["value"][1]) for item in found}
        return up == {release.namespace: release.replicas for release in self.releases}

    def no_alerts(self) -> bool:
        """Whether no breaker is open and no alert of the policy is pending nor firing."""
        open_breakers = self.query("bot_gateway_service_circuit_breaker_state > 0")
        alerts = self.query('ALERTS{alertname=~"BackendOutlier|CircuitBreakerOpen"}')
        return not open_breakers and not alerts

    @contextmanager
    def without(self, kind: str) -> Iterator[None]:
        """Scale `prometheus` or `alertmanager` of the environment to 0 until the last context has ended."""
        path = f"{PROMETHEUS_API}/{self.monitoring}/{PLURALS[kind]}/game-day"
        with self._lock:
            self._stopped[kind] = self._stopped.get(kind, 0) + 1
            if self._stopped[kind] == 1:
                self.api.patch(path, {"spec": {"replicas": 0}})
        try:
            yield
        finally:
            with self._lock:
                self._stopped[kind] -= 1
                if self._stopped[kind] == 0:
                    self.api.patch(path, {"spec": {"replicas": 1}})
