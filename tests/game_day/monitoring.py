"""The environment's own Prometheus and Alertmanager, as custom resources of the Prometheus Operator."""

from __future__ import annotations

from typing import Any

from game_day.api_server import ApiServer

LABEL = "bot-gateway.dev/game-day"
NAME = "game-day"
ACCOUNT = "prometheus"
_API = "monitoring.coreos.com/v1"


def manifests(api: ApiServer, environment: str, namespace: str, watched: list[str]) -> list[dict[str, Any]]:
    """Return the environment's monitoring. It watches only the namespaces with the environment's label."""
    mine = {"matchLabels": {LABEL: environment}}
    prometheus = {
        **_as_elsewhere(api, "prometheuses"),
        "replicas": 1,
        "serviceAccountName": ACCOUNT,
        "scrapeInterval": "15s",
        "evaluationInterval": "15s",
        "serviceMonitorSelector": {},
        "serviceMonitorNamespaceSelector": mine,
        "ruleSelector": {},
        "ruleNamespaceSelector": mine,
        "alerting": {"alertmanagers": [{"name": "alertmanager-operated", "namespace": namespace, "port": "web"}]},
        "resources": {"requests": {"cpu": "10m", "memory": "100Mi"}},
        # The measurements must survive the fault that stops Prometheus.
        "storage": {"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "1Gi"}}}}},
    }
    alertmanager = {
        **_as_elsewhere(api, "alertmanagers"),
        "replicas": 1,
        "alertmanagerConfigSelector": {},
        "alertmanagerConfigNamespaceSelector": mine,
        "resources": {"requests": {"cpu": "10m", "memory": "50Mi"}},
    }
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": namespace}},
        *(item for where in (namespace, *watched) for item in _rights(where, namespace)),
        {"apiVersion": _API, "kind": "Prometheus", "metadata": _metadata(namespace), "spec": prometheus},
        {"apiVersion": _API, "kind": "Alertmanager", "metadata": _metadata(namespace), "spec": alertmanager},
    ]


def _metadata(namespace: str) -> dict[str, str]:
    return {"name": NAME, "namespace": namespace}


def _as_elsewhere(api: ApiServer, plural: str) -> dict[str, str]:
    """Image and version of the first such object in the cluster, whose image is on the node; else the default."""
    for item in api.get(f"/apis/{_API}/{plural}")["items"]:
        found = {key: item["spec"][key] for key in ("image", "version") if key in item["spec"]}
        if found:
            return found
    return {}


def _rights(watched: str, namespace: str) -> list[dict[str, Any]]:
    rules = [
        {"apiGroups": [""], "resources": ["services", "endpoints", "pods"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]},
    ]
    rbac = "rbac.authorization.k8s.io"
    name = {"name": f"{NAME}-prometheus", "namespace": watched}
    return [
        {"apiVersion": f"{rbac}/v1", "kind": "Role", "metadata": name, "rules": rules},
        {
            "apiVersion": f"{rbac}/v1",
            "kind": "RoleBinding",
            "metadata": name,
            "roleRef": {"apiGroup": rbac, "kind": "Role", "name": name["name"]},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": namespace}],
        },
    ]
