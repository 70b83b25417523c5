"""The target as the API server has it: its own pods, its rollout, and what limits or owns its replicas."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from kubernetes.aio import client

from remediator.act.patches import field_managers
from remediator.api.names import (
    ALLOW_ANNOTATION,
    FIELD_MANAGER,
    PAUSED_ANNOTATION,
    RESTARTED_FOR_ANNOTATION,
    PodName,
    PodUid,
)
from remediator.api.policy import TargetRef
from remediator.api.remediation import ScaleKind
from remediator.cluster import Cluster, Json
from remediator.cluster import Workload as RawWorkload
from remediator.decide.observed import ABSENT, Absent, Autoscaler, ObservedPod, Workload
from remediator.kube import NotFoundError
from remediator.observe.baseline import read_baseline
from remediator.observe.selectors import matches, selector_text
from remediator.observe.signals import Signals

_DEFAULT_MAX_UNAVAILABLE = "25%"


@dataclass(frozen=True, slots=True)
class Target:
    """The target and what an action needs to know beside it."""

    uid: str
    match_labels: dict[str, str]
    workload: Workload


async def read_target(cluster: Cluster, ref: TargetRef) -> Target:
    """Read the target.

    Raises:
        NotFoundError: when it does not exist.
        KubeError: when anything else cannot be read; half a picture is none.
    """
    raw = await cluster.read_target(ref.kind, ref.name)
    spec, metadata = _spec(raw), _metadata(raw)
    selector = selector_text(spec.selector)
    pods, replica_sets, budgets, autoscalers, scaled_objects, namespace = await asyncio.gather(
        cluster.list_pods(selector),
        cluster.list_replica_sets(selector),
        cluster.list_disruption_budgets(),
        cluster.list_autoscalers(),
        cluster.list_scaled_objects(),
        cluster.namespace_annotations(),
    )
    owners = {metadata.uid} if ref.kind == "StatefulSet" else _owned_uids(replica_sets, metadata.uid)
    own_pods = [pod for pod in pods if _controller(pod) in owners]
    annotations = metadata.annotations or {}
    template = spec.template.metadata
    template_labels = (template.labels if template else None) or {}
    autoscaler, autoscaler_fields = _autoscaler(ref, autoscalers, scaled_objects)
    managed = list(metadata.managed_fields or [])
    workload = Workload(
        replicas=1 if spec.replicas is None else spec.replicas,
        pods=tuple(_pod(pod) for pod in own_pods if not _finished(pod)),
        rollout_complete=_rollout_complete(raw, ref),
        restarted_for=((template.annotations if template else None) or {}).get(RESTARTED_FOR_ANNOTATION),
        max_unavailable=_max_unavailable(raw, ref),
        disruptions_allowed=_disruptions_allowed(budgets, template_labels),
        autoscaler=autoscaler,
        managers=frozenset(field_managers(managed, ("spec", "replicas"))),
        owned_fields=_is_ours(autoscaler_fields if autoscaler is not ABSENT else managed),
        baseline=read_baseline(annotations, managed),
        paused=_is_true(annotations, PAUSED_ANNOTATION) or _is_true(namespace, PAUSED_ANNOTATION),
        allowed=_is_true(annotations, ALLOW_ANNOTATION),
    )
    return Target(uid=metadata.uid or "", match_labels=dict(spec.selector.match_labels or {}), workload=workload)


def with_signals(workload: Workload, signals: Signals | None) -> Workload:
    """Add what Prometheus says about each pod; a pod without series has none, which is not the same as closed."""
    if signals is None or workload.pods is None:
        return workload
    pods = tuple(
        replace(
            pod,
            breakers=signals.breakers.get(pod.name, {}),
            successes=signals.successes.get(pod.name, frozenset()),
        )
        for pod in workload.pods
    )
    return replace(workload, pods=pods)


def _spec(raw: RawWorkload) -> client.V1DeploymentSpec | client.V1StatefulSetSpec:
    if raw.spec is None:
        raise NotFoundError("read target", 404, "the workload has no spec")
    return raw.spec


def _metadata(raw: RawWorkload) -> client.V1ObjectMeta:
    return raw.metadata or client.V1ObjectMeta()


def _is_true(annotations: dict[str, str], name: str) -> bool:
    return annotations.get(name) == "true"


def _controller(item: client.V1Pod | client.V1ReplicaSet) -> str | None:
    owners = (item.metadata.owner_references if item.metadata else None) or []
    return next((owner.uid for owner in owners if owner.controller), None)


def _owned_uids(replica_sets: Iterable[client.V1ReplicaSet], owner: str | None) -> set[str | None]:
    return {item.metadata.uid for item in replica_sets if item.metadata and _controller(item) == owner}


def _finished(pod: client.V1Pod) -> bool:
    """A pod that failed or was evicted by the node stays as a record; it is no pod that serves."""
    return bool(pod.status and pod.status.phase in {"Failed", "Succeeded"})


def _pod(pod: client.V1Pod) -> ObservedPod:
    metadata = pod.metadata or client.V1ObjectMeta()
    status = pod.status or client.V1PodStatus()
    return ObservedPod(
        name=PodName(metadata.name or ""),
        uid=PodUid(metadata.uid or ""),
        ready=any(item.type == "Ready" and item.status == "True" for item in status.conditions or []),
        terminating=metadata.deletion_timestamp is not None,
        restarts=sum(item.restart_count for item in status.container_statuses or []),
        created_at=metadata.creation_timestamp,
    )


def _rollout_complete(raw: RawWorkload, ref: TargetRef) -> bool:
    spec, status, metadata = _spec(raw), raw.status, _metadata(raw)
    desired = 1 if spec.replicas is None else spec.replicas
    if status is None or (status.observed_generation or 0) < (metadata.generation or 0):
        return False
    updated = status.updated_replicas or 0
    if ref.kind == "StatefulSet" and isinstance(raw.status, client.V1StatefulSetStatus):
        return raw.status.update_revision == raw.status.current_revision or updated >= desired
    # Old pods that still run mean a rollout; a pod that is merely not ready, or not made yet, does not.
    return (status.replicas or 0) <= updated and (updated > 0 or desired == 0)


def _max_unavailable(raw: RawWorkload, ref: TargetRef) -> int:
    """Return how many pods a rollout takes away at once: a percentage rounds down, as the controller rounds."""
    spec = _spec(raw)
    desired = 1 if spec.replicas is None else spec.replicas
    if ref.kind == "StatefulSet" or not isinstance(spec, client.V1DeploymentSpec):
        return 1
    strategy = spec.strategy
    if strategy is not None and strategy.type == "Recreate":
        return desired
    rolling = strategy.rolling_update if strategy is not None else None
    value = rolling.max_unavailable if rolling is not None else None
    text = str(_DEFAULT_MAX_UNAVAILABLE if value is None else value)
    return int(text.removesuffix("%")) * desired // 100 if text.endswith("%") else int(text)


def _disruptions_allowed(
    budgets: Iterable[client.V1PodDisruptionBudget], template_labels: dict[str, str]
) -> int | Absent | None:
    allowed: list[int] = []
    for budget in budgets:
        if budget.spec is None or budget.spec.selector is None or not matches(budget.spec.selector, template_labels):
            continue
        generation = (budget.metadata.generation if budget.metadata else None) or 0
        if budget.status is None or (budget.status.observed_generation or 0) < generation:
            return None
        if budget.status.disruptions_allowed is None:
            return None
        allowed.append(budget.status.disruptions_allowed)
    return min(allowed) if allowed else ABSENT


def _autoscaler(
    ref: TargetRef, autoscalers: Iterable[client.V2HorizontalPodAutoscaler], scaled_objects: Iterable[Json]
) -> tuple[Autoscaler | Absent | None, list[Any]]:
    """Return what owns the replicas. KEDA comes first: it overwrites the HPA that it made."""
    for item in scaled_objects:
        spec = item.get("spec") or {}
        target = spec.get("scaleTargetRef") or {}
        if (target.get("kind", "Deployment"), target.get("name")) == (ref.kind, ref.name):
            managed = list(item["metadata"].get("managedFields") or [])
            found = Autoscaler(
                kind=ScaleKind.SCALED_OBJECT,
                name=item["metadata"]["name"],
                min_replicas=int(spec.get("minReplicaCount") or 0),
                max_replicas=int(spec.get("maxReplicaCount") or 100),
                managers=frozenset(field_managers(managed, ("spec", "minReplicaCount"))),
            )
            return found, managed
    for autoscaler in autoscalers:
        if autoscaler.spec is None or autoscaler.metadata is None:
            continue
        scaled = autoscaler.spec.scale_target_ref
        if (scaled.kind, scaled.name) == (ref.kind, ref.name):
            managed = list(autoscaler.metadata.managed_fields or [])
            minimum = autoscaler.spec.min_replicas
            found = Autoscaler(
                kind=ScaleKind.HORIZONTAL_POD_AUTOSCALER,
                name=autoscaler.metadata.name or "",
                min_replicas=1 if minimum is None else minimum,
                max_replicas=autoscaler.spec.max_replicas,
                managers=frozenset(field_managers(managed, ("spec", "minReplicas"))),
            )
            return found, managed
    return ABSENT, []


def _is_ours(managed_fields: Iterable[Any]) -> bool:
    return any(_manager(entry) == FIELD_MANAGER for entry in managed_fields)


def _manager(entry: Any) -> Any:
    get: Callable[[str], Any] = entry.get if isinstance(entry, dict) else lambda name: getattr(entry, name, None)
    return get("manager")
