"""Small workloads on a real cluster for the operator's tests: pods that are ready at once and need nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from kubernetes.aio import client

from remediator.kubernetes_api import KubernetesApi

PAUSE = "registry.k8s.io/pause:3.10"
ALLOW = "remediation.bot-gateway.dev/allow"


async def eventually(check: Callable[[], Awaitable[Any]], seconds: float = 60.0, every: float = 0.2) -> Any:
    """Return the first true result of ``check``; fail when there is none in time."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        result = await check()
        if result:
            return result
        assert loop.time() < deadline, f"not true within {seconds} s: {check}"
        await asyncio.sleep(every)


def deployment(name: str = "web", replicas: int = 3, *, allow: bool = True) -> dict[str, Any]:
    """A Deployment whose pods become ready at once and need nothing."""
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "annotations": {ALLOW: "true"} if allow else {}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "terminationGracePeriodSeconds": 1,
                    "automountServiceAccountToken": False,
                    "containers": [
                        {
                            "name": "web",
                            "image": PAUSE,
                            "resources": {"requests": {"cpu": "1m", "memory": "4Mi"}},
                        }
                    ],
                },
            },
        },
    }


async def ready_pods(kubernetes: KubernetesApi, name: str = "web") -> list[client.V1Pod]:
    """The pods of the workload that are ready and not terminating."""
    pods = await kubernetes.list_pods(f"app={name}")
    return [pod for pod in pods if pod.metadata.deletion_timestamp is None and _is_ready(pod)]


def _is_ready(pod: client.V1Pod) -> bool:
    conditions = (pod.status.conditions if pod.status else None) or []
    return any(condition.type == "Ready" and condition.status == "True" for condition in conditions)


async def deploy(api: client.ApiClient, kubernetes: KubernetesApi, body: dict[str, Any]) -> client.V1Deployment:
    """Create the Deployment and wait until all its pods are ready."""
    apps = client.AppsV1Api(api)
    await apps.create_namespaced_deployment(kubernetes.namespace, body)
    name = body["metadata"]["name"]

    async def complete() -> bool:
        return len(await ready_pods(kubernetes, name)) == body["spec"]["replicas"]

    await eventually(complete)
    found: client.V1Deployment = await apps.read_namespaced_deployment(name, kubernetes.namespace)
    return found


def policy(name: str = "breaker", **spec: Any) -> dict[str, Any]:
    """An enforcing policy for the workload ``web``."""
    return {
        "apiVersion": "remediation.bot-gateway.dev/v1alpha1",
        "kind": "RemediationPolicy",
        "metadata": {"name": name},
        "spec": {
            "targetRef": {"name": "web"},
            "mode": "Enforce",
            "alerts": ['alertname="CircuitBreakerOpen"'],
            **spec,
        },
    }


async def remediations(kubernetes: KubernetesApi) -> list[dict[str, Any]]:
    """All remediations of the namespace, oldest first."""
    found = await kubernetes.list_custom("remediations")
    return sorted(found, key=lambda item: str(item["metadata"]["creationTimestamp"]))


def phase(remediation: dict[str, Any]) -> str:
    """Where a remediation stands."""
    return str(remediation.get("status", {}).get("phase", ""))


async def in_phase(kubernetes: KubernetesApi, *phases: str, seconds: float = 60.0) -> dict[str, Any]:
    """Wait until the newest remediation is in one of these phases, and return it."""

    async def found() -> dict[str, Any] | None:
        items = await remediations(kubernetes)
        return items[-1] if items and phase(items[-1]) in phases else None

    result: dict[str, Any] = await eventually(found, seconds)
    return result
