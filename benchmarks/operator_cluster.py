"""Kubernetes objects of healthy gateways for the operator to watch; their statuses are set, so no node is needed."""

import asyncio
import re
from collections.abc import Awaitable, Iterable
from typing import Any

from aiohttp import web
from kubernetes.aio import client

from support.fake_alertmanager import FakeAlertmanager, alert

NAMESPACE = "gateways"
SERVICES = ("auth", "request", "user", "shift")
PODS = 10
CONCURRENCY = 32
_GROUP = ("remediation.bot-gateway.dev", "v1alpha1")


async def run_concurrently(calls: Iterable[Awaitable[Any]]) -> None:
    """Await all calls with limited concurrency."""
    slots = asyncio.Semaphore(CONCURRENCY)

    async def one(call: Awaitable[Any]) -> None:
        async with slots:
            await call

    await asyncio.gather(*(one(call) for call in calls))


class GatewayObjects:
    """Deployments ``gw-0``, ``gw-1``, … with ReplicaSets, Pods, disruption budgets and HPAs, and policies for some."""

    def __init__(self, api: client.ApiClient) -> None:
        self.gateways = 0
        self.policies = 0
        self._apps = client.AppsV1Api(api)
        self._core = client.CoreV1Api(api)
        self._budgets = client.PolicyV1Api(api)
        self._autoscaling = client.AutoscalingV2Api(api)
        self._custom = client.CustomObjectsApi(api)

    async def grow(self, gateways: int, policies: int) -> None:
        """Create gateways and policies up to these numbers."""
        await run_concurrently(self._gateway(number) for number in range(self.gateways, gateways))
        await run_concurrently(self._policy(number) for number in range(self.policies, policies))
        self.gateways, self.policies = gateways, policies

    async def replace(self, pod: str) -> None:
        """Create a replacement for a deleted pod, as the ReplicaSet controller would."""
        gateway, _, number = pod.rpartition("-")
        sets = await self._apps.read_namespaced_replica_set(f"{gateway}-rs", NAMESPACE)
        await self._pod(gateway, f"{number}x", sets.metadata.uid)

    async def delete_remediations(self) -> None:
        await self._custom.delete_collection_namespaced_custom_object(*_GROUP, NAMESPACE, "remediations")

    async def remediations(self) -> list[dict[str, Any]]:
        found = await self._custom.list_namespaced_custom_object(*_GROUP, NAMESPACE, "remediations")
        items: list[dict[str, Any]] = found["items"]
        return items

    async def _gateway(self, number: int) -> None:
        name = f"gw-{number}"
        labels = {"app": name}
        template = {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "gateway", "image": "bot-gateway"}]},
        }
        spec = {"replicas": PODS, "selector": {"matchLabels": labels}, "template": template}
        allow = {"remediation.bot-gateway.dev/allow": "true"}
        made = await self._apps.create_namespaced_deployment(
            NAMESPACE, {"metadata": {"name": name, "annotations": allow}, "spec": spec}
        )
        counts = {"replicas": PODS, "updatedReplicas": PODS, "readyReplicas": PODS, "availableReplicas": PODS}
        status = {"observedGeneration": made.metadata.generation, **counts}
        await self._apps.patch_namespaced_deployment_status(name, NAMESPACE, {"status": status})
        replica_set = await self._apps.create_namespaced_replica_set(
            NAMESPACE,
            {
                "metadata": {
                    "name": f"{name}-rs",
                    "labels": labels,
                    "ownerReferences": [_owner("Deployment", name, made.metadata.uid)],
                },
                "spec": spec,
            },
        )
        for index in range(PODS):
            await self._pod(name, str(index), replica_set.metadata.uid)
        budget = await self._budgets.create_namespaced_pod_disruption_budget(
            NAMESPACE,
            {"metadata": {"name": name}, "spec": {"maxUnavailable": "50%", "selector": {"matchLabels": labels}}},
        )
        counted = {
            "observedGeneration": budget.metadata.generation,
            "disruptionsAllowed": PODS // 2,
            "currentHealthy": PODS,
            "desiredHealthy": PODS // 2,
            "expectedPods": PODS,
        }
        await self._budgets.patch_namespaced_pod_disruption_budget_status(name, NAMESPACE, {"status": counted})
        cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}}
        await self._autoscaling.create_namespaced_horizontal_pod_autoscaler(
            NAMESPACE,
            {
                "metadata": {"name": name},
                "spec": {
                    "minReplicas": 2,
                    "maxReplicas": 20,
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
                    "metrics": [{"type": "Resource", "resource": cpu}],
                },
            },
        )

    async def _pod(self, gateway: str, suffix: str, replica_set: str) -> None:
        name = f"{gateway}-rs-{suffix}"
        await self._core.create_namespaced_pod(
            NAMESPACE,
            {
                "metadata": {
                    "name": name,
                    "labels": {"app": gateway},
                    "ownerReferences": [_owner("ReplicaSet", f"{gateway}-rs", replica_set)],
                },
                "spec": {"containers": [{"name": "gateway", "image": "bot-gateway"}]},
            },
        )
        conditions = [{"type": kind, "status": "True"} for kind in ("PodScheduled", "Initialized", "Ready")]
        await self._core.patch_namespaced_pod_status(
            name, NAMESPACE, {"status": {"phase": "Running", "conditions": conditions}}
        )

    async def _policy(self, number: int) -> None:
        body = {
            "apiVersion": "/".join(_GROUP),
            "kind": "RemediationPolicy",
            "metadata": {"name": f"policy-{number}"},
            "spec": {
                "targetRef": {"name": f"gw-{number}"},
                "mode": "Enforce",
                "alerts": ['alertname="CircuitBreakerOpen"', f'pod=~"gw-{number}-.+"'],
                "maxConcurrent": 100,
            },
        }
        await self._custom.create_namespaced_custom_object(*_GROUP, NAMESPACE, "remediationpolicies", body)


class FakePrometheus:
    """Responds to the operator's three queries for all pods, based on the firing alerts."""

    def __init__(self, alertmanager: FakeAlertmanager) -> None:
        self._alertmanager = alertmanager
        self._runner: web.AppRunner | None = None
        self.cluster: GatewayObjects | None = None
        self.port = 0
        self.queries = 0

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application()
        app.router.add_get("/api/v1/query", self._query)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _query(self, request: web.Request) -> web.Response:
        self.queries += 1
        expression = request.query["query"]
        if expression.startswith("vector"):
            return _vector([({}, "1")])
        firing = [item["labels"] for item in self._alertmanager.alerts if "pod" in item["labels"]]
        if expression.startswith("ALERTS"):
            return _vector([({"__name__": "ALERTS", "alertstate": "firing", **labels}, "1") for labels in firing])
        is_open = {(labels["pod"], labels["service_name"]) for labels in firing}
        asks_breakers = "circuit_breaker" in expression
        gateways = range(self.cluster.gateways if self.cluster else 0)
        all_pods = (f"gw-{gateway}-rs-{pod}" for gateway in gateways for pod in range(PODS))
        named = re.search(r'pod=~"([^"]*)"', expression)
        wanted = re.compile(named[1].replace("\\\\", "\\") if named else ".*")
        pods = [pod for pod in all_pods if wanted.fullmatch(pod)]
        series = [({"pod": pod, "service_name": service}, (pod, service)) for pod in pods for service in SERVICES]
        if asks_breakers:
            return _vector([(labels, "1" if key in is_open else "0") for labels, key in series])
        return _vector([(labels, "5") for labels, key in series if key not in is_open])


def breaker_alert(gateway: int, pod: int = 0, service: str = SERVICES[0]) -> dict[str, Any]:
    """Return an alert: the circuit breaker of one pod is open."""
    return alert(NAMESPACE, f"gw-{gateway}-rs-{pod}", service)


def _owner(kind: str, name: str, uid: str) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": True}


def _vector(samples: list[tuple[dict[str, str], str]]) -> web.Response:
    result = [{"metric": labels, "value": [0, value]} for labels, value in samples]
    return web.json_response({"status": "success", "data": {"resultType": "vector", "result": result}})
