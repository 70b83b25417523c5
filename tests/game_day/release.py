"""One installed release: the product and the sandbox in a namespace."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from game_day.api_server import TIMEOUT_SECONDS, ApiServer

T = TypeVar("T")

DEPLOYMENT = "bot-gateway"
COMPONENT = "app.kubernetes.io/name=bot-gateway,app.kubernetes.io/component="
GROUP = "/apis/remediation.bot-gateway.dev/v1alpha1/namespaces"


@dataclass(frozen=True)
class Pod:
    """The fields of a pod that faults need."""

    name: str
    uid: str
    ip: str
    ready: bool
    restarts: int


class Release:
    """Reads a release from outside and controls its sandbox."""

    def __init__(self, api: ApiServer, namespace: str, mode: str) -> None:
        self.api = api
        self.namespace = namespace
        self.mode = mode
        self.replicas = 2
        """How many gateway pods there should be; the product's default."""
        self._control = httpx.Client(base_url=api.service_url(namespace, "sandbox", 8082), timeout=3 * TIMEOUT_SECONDS)

    @property
    def path(self) -> str:
        """The namespace's path in the core API."""
        return f"/api/v1/namespaces/{self.namespace}"

    @property
    def deployment_path(self) -> str:
        """The gateway's Deployment."""
        return f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{DEPLOYMENT}"

    def control(self, method: str, path: str, **json: Any) -> Any:
        """Call the sandbox's control API and return its JSON."""
        response = self._control.request(method, path, json=json or None).raise_for_status()
        return response.json() if response.content else None

    def pods(self, component: str = "gateway") -> list[Pod]:
        """The pods of a component that are not being deleted, by name."""
        found = self.api.get(f"{self.path}/pods", labelSelector=COMPONENT + component)["items"]
        return sorted(
            (_pod(item) for item in found if "deletionTimestamp" not in item["metadata"]), key=lambda pod: pod.name
        )

    def ready_pods(self) -> list[Pod]:
        """The gateway's ready pods."""
        return [pod for pod in self.pods() if pod.ready]

    def deployment(self) -> dict[str, Any]:
        """The gateway's Deployment as the API server has it."""
        found: dict[str, Any] = self.api.get(self.deployment_path)
        return found

    def remediations(self) -> list[dict[str, Any]]:
        """Every Remediation of the namespace, oldest first."""
        items: list[dict[str, Any]] = self.api.get(f"{GROUP}/{self.namespace}/remediations")["items"]
        return sorted(items, key=lambda item: item["metadata"]["creationTimestamp"])

    def delete_remediations(self) -> None:
        """Delete the operator's history: no used budget, no cooldown."""
        for item in self.remediations():
            self.api.delete(f"{GROUP}/{self.namespace}/remediations/{item['metadata']['name']}")

    def is_complete(self) -> bool:
        """Whether every gateway pod and the operator are ready and no rollout is under way."""
        spec, status = (found := self.deployment())["spec"], found["status"]
        return (
            spec["replicas"] == self.replicas
            and status.get("observedGeneration") == found["metadata"]["generation"]
            and status.get("updatedReplicas") == status.get("readyReplicas") == status.get("replicas") == self.replicas
            and len(self.ready_pods()) == self.replicas
            and all(pod.ready for pod in self.pods("remediator") + self.pods("redis"))
        )

    def is_idle(self) -> bool:
        """Whether no conversation is active and every update has been handled."""
        talking = self.control("GET", "/traffic")["active"]
        return bool(talking == 0 and self.control("GET", "/ledger")["updates"]["open"] == 0)


def _pod(item: dict[str, Any]) -> Pod:
    status = item.get("status", {})
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in status.get("conditions", []))
    restarts = sum(container["restartCount"] for container in status.get("containerStatuses", []))
    metadata = item["metadata"]
    return Pod(metadata["name"], metadata["uid"], status.get("podIP", ""), ready, restarts)


def wait_for(what: str, probe: Callable[[], T | None], *, seconds: float, every: float = 2.0) -> T:
    """Poll `probe` until it returns something true and return that.

    A failed call counts as not yet, because the fault may cause it. Raises TimeoutError naming `what` after `seconds`.
    """
    end = time.monotonic() + seconds
    while True:
        try:
            value = probe()
        except httpx.HTTPError:
            value = None
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not seen within {seconds:.0f} s")
        time.sleep(every)
