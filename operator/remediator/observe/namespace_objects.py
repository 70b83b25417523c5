"""What the namespace has that limits or owns a workload's replicas: budgets, autoscalers, the kill switch.

It is the same for every target, so it is read once for all rounds that start together, and as plain JSON: the
client's models of two hundred autoscalers cost more than the whole rest of a round.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from kubernetes.aio import client

from remediator.act.patches import field_managers
from remediator.api.policy import TargetRef
from remediator.api.remediation import ScaleKind
from remediator.decide.observed import ABSENT, Absent, Autoscaler
from remediator.kubernetes_api import Json, KubernetesApi
from remediator.observe.selectors import matches

KEDA_PAUSED = "autoscaling.keda.sh/paused"
KEDA_PAUSED_REPLICAS = "autoscaling.keda.sh/paused-replicas"


@dataclass(frozen=True, slots=True)
class NamespaceObjects:
    """The lists of one namespace, as the API server has them."""

    budgets: list[Json]
    autoscalers: list[Json]
    scaled_objects: list[Json]
    namespace_annotations: dict[str, str]
    namespace_terminating: bool = False


async def read_namespace_objects(kubernetes: KubernetesApi) -> NamespaceObjects:
    """Read them side by side; raises KubeError."""
    budgets, autoscalers, scaled_objects, namespace = await asyncio.gather(
        kubernetes.list_disruption_budgets(),
        kubernetes.list_autoscalers(),
        kubernetes.list_scaled_objects(),
        kubernetes.read_namespace(),
    )
    return NamespaceObjects(
        budgets=budgets,
        autoscalers=autoscalers,
        scaled_objects=scaled_objects,
        namespace_annotations=dict((namespace.metadata and namespace.metadata.annotations) or {}),
        namespace_terminating=bool(namespace.metadata and namespace.metadata.deletion_timestamp),
    )


def disruptions_allowed(budgets: Iterable[Json], template_labels: dict[str, str]) -> int | Absent | None:
    """Return the smallest number that a budget of these pods allows; unknown where one was not counted yet."""
    allowed: list[int] = []
    for budget in budgets:
        selector = budget.get("spec", {}).get("selector")
        if selector is None or not matches(_selector(selector), template_labels):
            continue
        status = budget.get("status") or {}
        number = status.get("disruptionsAllowed")
        if number is None or status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
            return None
        allowed.append(int(number))
    return min(allowed) if allowed else ABSENT


def find_autoscaler(ref: TargetRef, namespace_objects: NamespaceObjects) -> tuple[Autoscaler | Absent, list[Any]]:
    """Return what owns the replicas and its managed fields. KEDA comes first: it overwrites the HPA that it made."""
    for item in namespace_objects.scaled_objects:
        spec = item.get("spec") or {}
        scaled = spec.get("scaleTargetRef") or {}
        if (scaled.get("kind", "Deployment"), scaled.get("name")) == (ref.kind, ref.name):
            minimum, maximum = int(spec.get("minReplicaCount") or 0), int(spec.get("maxReplicaCount") or 100)
            return _as_owner(item, ScaleKind.SCALED_OBJECT, "minReplicaCount", minimum, maximum)
    for item in namespace_objects.autoscalers:
        spec = item.get("spec") or {}
        scaled = spec.get("scaleTargetRef") or {}
        if (scaled.get("kind"), scaled.get("name")) == (ref.kind, ref.name):
            minimum, maximum = int(spec.get("minReplicas", 1)), int(spec["maxReplicas"])
            return _as_owner(item, ScaleKind.HORIZONTAL_POD_AUTOSCALER, "minReplicas", minimum, maximum)
    return ABSENT, []


def _as_owner(item: Json, kind: ScaleKind, field: str, minimum: int, maximum: int) -> tuple[Autoscaler, list[Any]]:
    managed = list(item["metadata"].get("managedFields") or [])
    found = Autoscaler(
        kind=kind,
        name=str(item["metadata"]["name"]),
        min_replicas=minimum,
        max_replicas=maximum,
        managers=frozenset(field_managers(managed, ("spec", field))),
        paused=kind is ScaleKind.SCALED_OBJECT and _is_paused(item["metadata"].get("annotations") or {}),
    )
    return found, managed


def _is_paused(annotations: dict[str, str]) -> bool:
    """Tell whether KEDA is paused; ``paused-replicas`` pauses by being there."""
    return annotations.get(KEDA_PAUSED) == "true" or KEDA_PAUSED_REPLICAS in annotations


def _selector(selector: Json) -> client.V1LabelSelector:
    return client.V1LabelSelector(
        match_labels=selector.get("matchLabels"),
        match_expressions=[
            client.V1LabelSelectorRequirement(key=item["key"], operator=item["operator"], values=item.get("values"))
            for item in selector.get("matchExpressions") or []
        ],
    )
