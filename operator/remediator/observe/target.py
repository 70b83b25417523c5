"""The target as the API server has it: its own pods, its rollout, and what limits or owns its replicas."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
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
from remediator.decide.observed import ABSENT, ObservedPod, Workload
from remediator.kube import NotFoundError
from remediator.kubernetes_api import KubernetesApi, WorkloadObject
from remediator.observe.baseline import read_baseline
from remediator.observe.namespace_objects import (
    NamespaceObjects,
    disruptions_allowed,
    find_autoscaler,
    read_namespace_objects,
)
from remediator.observe.selectors import selector_text
from remediator.observe.signals import Signals

CAUSE_LENGTH = 300
_DEFAULT_MAX_UNAVAILABLE = "25%"


@dataclass(frozen=True, slots=True)
class Target:
    """The target and what an action needs to know beside it."""

    uid: str
    selector: str
    workload: Workload


async def read_target(
    kubernetes: KubernetesApi,
    ref: TargetRef,
    *,
    namespace_objects: Callable[[], Awaitable[NamespaceObjects]] | None = None,
    selector: str | None = None,
) -> Target:
    """Read the target.

    Args:
        cluster: where it is.
        ref: which it is.
        namespace_objects: reads what is the same for every target; default :func:`read_namespace_objects`.
        selector: the selector that the target had when it was last read, so that its pods can be listed at the same
            time as the target itself; where it has changed they are listed again.

    Raises:
        NotFoundError: when it does not exist.
        KubeError: when anything else cannot be read; half a assessment is none.
    """
    around = namespace_objects() if namespace_objects is not None else read_namespace_objects(kubernetes)
    if selector is None:
        raw, found = await asyncio.gather(kubernetes.read_target(ref.kind, ref.name), around)
        pods, replica_sets = await _own(kubernetes, selector_text(_spec(raw).selector))
    else:
        raw, found, (pods, replica_sets) = await asyncio.gather(
            kubernetes.read_target(ref.kind, ref.name), around, _own(kubernetes, selector)
        )
        if selector_text(_spec(raw).selector) != selector:
            pods, replica_sets = await _own(kubernetes, selector_text(_spec(raw).selector))
    spec, metadata = _spec(raw), _metadata(raw)
    owners = {metadata.uid} if ref.kind == "StatefulSet" else _owned_uids(replica_sets, metadata.uid)
    own_pods = [pod for pod in pods if _controller(pod) in owners]
    annotations = metadata.annotations or {}
    template = spec.template.metadata
    template_labels = (template.labels if template else None) or {}
    autoscaler, autoscaler_fields = find_autoscaler(ref, found)
    managed = list(metadata.managed_fields or [])
    workload = Workload(
        replicas=1 if spec.replicas is None else spec.replicas,
        pods=tuple(_pod(pod) for pod in own_pods if not _finished(pod)),
        rollout_complete=_rollout_complete(raw, ref),
        restarted_for=((template.annotations if template else None) or {}).get(RESTARTED_FOR_ANNOTATION),
        max_unavailable=_max_unavailable(raw, ref),
        disruptions_allowed=disruptions_allowed(found.budgets, template_labels),
        autoscaler=autoscaler,
        managers=frozenset(field_managers(managed, ("spec", "replicas"))),
        owned_fields=_is_ours(autoscaler_fields if autoscaler is not ABSENT else managed),
        baseline=read_baseline(annotations, managed),
        rollout_paused=bool(getattr(spec, "paused", False)),
        namespace_terminating=found.namespace_terminating,
        cannot_run=_why_not_running(raw, own_pods),
        paused=_is_true(annotations, PAUSED_ANNOTATION) or _is_true(found.namespace_annotations, PAUSED_ANNOTATION),
        allowed=_is_true(annotations, ALLOW_ANNOTATION),
    )
    return Target(uid=metadata.uid or "", selector=selector_text(spec.selector), workload=workload)


async def _own(kubernetes: KubernetesApi, selector: str) -> tuple[list[client.V1Pod], list[client.V1ReplicaSet]]:
    """Return the pods and replica sets that look like the target's."""
    return await asyncio.gather(kubernetes.list_pods(selector), kubernetes.list_replica_sets(selector))


def with_signals(workload: Workload, signals: Signals | None) -> Workload:
    """Add what Prometheus says about each pod; a pod without series has none, which is not the same as closed."""
    if signals is None or workload.pods is None:
        return workload
    pods = tuple(
        replace(
            pod,
            breakers=signals.breakers.get(pod.name, {}),
            successes=signals.successes.get(pod.name, frozenset()),
            scraped_at=signals.scraped.get(pod.name),
            breaker_opened=None if signals.opened is None else signals.opened.get(pod.name, {}),
            last_success=None if signals.last_success is None else signals.last_success.get(pod.name, {}),
        )
        for pod in workload.pods
    )
    return replace(workload, pods=pods)


def _spec(raw: WorkloadObject) -> client.V1DeploymentSpec | client.V1StatefulSetSpec:
    if raw.spec is None:
        raise NotFoundError("read target", 404, "the workload has no spec")
    return raw.spec


def _metadata(raw: WorkloadObject) -> client.V1ObjectMeta:
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


def _why_not_running(raw: WorkloadObject, pods: Iterable[client.V1Pod]) -> str:
    """Return why pods of the workload are not made (a quota) or not scheduled, in the cluster's words."""
    conditions = (raw.status.conditions if raw.status else None) or []
    failure = next((item for item in conditions if item.type == "ReplicaFailure" and item.status == "True"), None)
    if failure is not None:
        return str(failure.message or failure.reason)[:CAUSE_LENGTH]
    for pod in pods:
        for item in (pod.status.conditions if pod.status else None) or []:
            if item.type == "PodScheduled" and item.status == "False":
                name = pod.metadata.name if pod.metadata else ""
                return f"{name}: {item.message or item.reason}"[:CAUSE_LENGTH]
    return ""


def _rollout_complete(raw: WorkloadObject, ref: TargetRef) -> bool:
    spec, status, metadata = _spec(raw), raw.status, _metadata(raw)
    desired = 1 if spec.replicas is None else spec.replicas
    if status is None or (status.observed_generation or 0) < (metadata.generation or 0):
        return False
    updated = status.updated_replicas or 0
    if ref.kind == "StatefulSet" and isinstance(raw.status, client.V1StatefulSetStatus):
        return raw.status.update_revision == raw.status.current_revision or updated >= desired
    # Old pods that still run mean a rollout; a pod that is merely not ready, or not made yet, does not.
    return (status.replicas or 0) <= updated and (updated > 0 or desired == 0)


def _max_unavailable(raw: WorkloadObject, ref: TargetRef) -> int:
    """Return how many pods a rollout makes unavailable at once: a percentage rounds down, as the controller rounds."""
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


def _is_ours(managed_fields: Iterable[Any]) -> bool:
    return any(_manager(entry) == FIELD_MANAGER for entry in managed_fields)


def _manager(entry: Any) -> Any:
    get: Callable[[str], Any] = entry.get if isinstance(entry, dict) else lambda name: getattr(entry, name, None)
    return get("manager")
