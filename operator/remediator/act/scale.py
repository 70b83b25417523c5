"""ScaleOut and its way back: one absolute number on whatever object decides about the replicas.

That is the HorizontalPodAutoscaler's ``minReplicas`` or KEDA's ``minReplicaCount`` where the target has one of
them, and the workload's ``replicas`` only where it has neither: two hands on one number fight.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from kubernetes.aio import client

from remediator.act.outcome import Outcome, Result, from_error
from remediator.act.patches import escaped, field_managers, release_patch
from remediator.cluster import GROUP, Json, Patch, TargetKind, Workload
from remediator.kube import FIELD_MANAGER, ConflictError, KubeError, RefusedError

BASELINE = f"{GROUP}/baseline"

OwnerKind = Literal["Deployment", "StatefulSet", "HorizontalPodAutoscaler", "ScaledObject"]

_FIELDS: dict[OwnerKind, tuple[str, str]] = {
    "Deployment": ("replicas", "replicas"),
    "StatefulSet": ("replicas", "replicas"),
    "HorizontalPodAutoscaler": ("minReplicas", "min_replicas"),
    "ScaledObject": ("minReplicaCount", "minReplicaCount"),
}
_UNSET: dict[OwnerKind, int] = {
    "Deployment": 1,
    "StatefulSet": 1,
    "HorizontalPodAutoscaler": 1,
    "ScaledObject": 0,
}
"""What the API means by an absent number."""


class ScaleApi(Protocol):
    """The calls that this module makes."""

    async def read_target(self, kind: TargetKind, name: str) -> Workload:
        """Return the workload."""

    async def patch_target(self, kind: TargetKind, name: str, patch: Patch) -> Workload:
        """Apply a JSON Patch to the workload."""

    async def read_autoscaler(self, name: str) -> client.V2HorizontalPodAutoscaler:
        """Return one horizontal pod autoscaler."""

    async def patch_autoscaler(self, name: str, patch: Patch) -> client.V2HorizontalPodAutoscaler:
        """Apply a JSON Patch to a horizontal pod autoscaler."""

    async def read_scaled_object(self, name: str) -> Json:
        """Return one scaled object of KEDA."""

    async def patch_scaled_object(self, name: str, patch: Patch) -> Json:
        """Apply a JSON Patch to a scaled object of KEDA."""


@dataclass(frozen=True, slots=True)
class ScaleOwner:
    """The object whose number is changed."""

    kind: OwnerKind
    name: str

    @property
    def field(self) -> str:
        """The number's name in ``spec``."""
        return _FIELDS[self.kind][0]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class Seen:
    """The number as it was read, with what guards a change of it."""

    value: int
    present: bool
    resource_version: str
    managers: frozenset[str]
    managed_fields: list[Any]
    annotations: dict[str, str]


async def read_scale(api: ScaleApi, owner: ScaleOwner) -> Seen:
    """Return the present number; raises KubeError."""
    found: Any
    if owner.kind == "HorizontalPodAutoscaler":
        found = await api.read_autoscaler(owner.name)
    elif owner.kind == "ScaledObject":
        return _seen_json(owner, await api.read_scaled_object(owner.name))
    else:
        found = await api.read_target(owner.kind, owner.name)
    value = getattr(found.spec, _FIELDS[owner.kind][1], None)
    managed = list(found.metadata.managed_fields or [])
    return Seen(
        value=_UNSET[owner.kind] if value is None else value,
        present=value is not None,
        resource_version=found.metadata.resource_version,
        managers=frozenset(field_managers(managed, ("spec", owner.field))),
        managed_fields=managed,
        annotations=dict(found.metadata.annotations or {}),
    )


def _seen_json(owner: ScaleOwner, found: Json) -> Seen:
    value = found.get("spec", {}).get(owner.field)
    metadata = found["metadata"]
    managed = list(metadata.get("managedFields") or [])
    return Seen(
        value=_UNSET[owner.kind] if value is None else int(value),
        present=value is not None,
        resource_version=metadata["resourceVersion"],
        managers=frozenset(field_managers(managed, ("spec", owner.field))),
        managed_fields=managed,
        annotations=dict(metadata.get("annotations") or {}),
    )


async def set_scale(api: ScaleApi, owner: ScaleOwner, before: int, after: int, *, only_ours: bool = False) -> Outcome:
    """Change the number from ``before`` to ``after``; anything else found there is someone else's and stays.

    With ``only_ours`` the number must also be one that we wrote (a revert undoes nobody else's decision).
    """
    try:
        seen = await read_scale(api, owner)
        settled = _settled(owner, seen, before, after, only_ours=only_ours)
        if settled is not None:
            return settled
        await _patch(api, owner)(_change(owner, seen, before, after))
    except (ConflictError, RefusedError) as error:
        return await _why_not(api, owner, before, after, error, only_ours=only_ours)
    except KubeError as error:
        return from_error(error)
    return Outcome(Result.ACCEPTED, f"{owner}: {owner.field} is changed from {before} to {after}.")


def _settled(owner: ScaleOwner, seen: Seen, before: int, after: int, *, only_ours: bool) -> Outcome | None:
    """Return the outcome when there is nothing to write, else None."""
    if seen.value == after:
        return Outcome(Result.ALREADY_DONE, f"{owner}: {owner.field} is {after} already.")
    if seen.value != before:
        return Outcome(Result.TARGET_CHANGED, f"{owner}: {owner.field} is {seen.value}, {before} was expected.")
    if only_ours and FIELD_MANAGER not in seen.managers:
        names = ", ".join(sorted(seen.managers)) or "nobody known"
        return Outcome(Result.TARGET_CHANGED, f"{owner}: {owner.field} was last set by {names}.")
    return None


async def _why_not(
    api: ScaleApi, owner: ScaleOwner, before: int, after: int, error: KubeError, *, only_ours: bool
) -> Outcome:
    """Tell a failed test, a stale version and a real refusal apart by reading again."""
    try:
        seen = await read_scale(api, owner)
    except KubeError as second:
        return from_error(second)
    settled = _settled(owner, seen, before, after, only_ours=only_ours)
    if settled is not None:
        return settled
    if isinstance(error, ConflictError):
        return Outcome(Result.BLOCKED, f"{owner} changed in the same moment; it is tried again.")
    return Outcome(Result.REFUSED, str(error))


def _change(owner: ScaleOwner, seen: Seen, before: int, after: int) -> Patch:
    path = f"/spec/{owner.field}"
    version: Patch = [{"op": "replace", "path": "/metadata/resourceVersion", "value": seen.resource_version}]
    if not seen.present:
        return [*version, {"op": "add", "path": path, "value": after}]
    return [
        *version,
        {"op": "test", "path": path, "value": before},
        {"op": "replace", "path": path, "value": after},
    ]


def _patch(api: ScaleApi, owner: ScaleOwner) -> Callable[[Patch], Awaitable[Any]]:
    async def send(patch: Patch) -> Any:
        if owner.kind == "HorizontalPodAutoscaler":
            return await api.patch_autoscaler(owner.name, patch)
        if owner.kind == "ScaledObject":
            return await api.patch_scaled_object(owner.name, patch)
        return await api.patch_target(owner.kind, owner.name, patch)

    return send


async def save_baseline(api: ScaleApi, kind: TargetKind, name: str, value: str) -> None:
    """Note the baseline on the target, because deleting a policy deletes its remediations; raises KubeError."""
    target = ScaleOwner(kind, name)
    seen = await read_scale(api, target)
    if seen.annotations.get(BASELINE) == value:
        return
    change = (
        {"op": "add", "path": f"/metadata/annotations/{escaped(BASELINE)}", "value": value}
        if seen.annotations
        else {"op": "add", "path": "/metadata/annotations", "value": {BASELINE: value}}
    )
    version = {"op": "replace", "path": "/metadata/resourceVersion", "value": seen.resource_version}
    await api.patch_target(kind, name, [version, change])


async def forget_baseline(api: ScaleApi, kind: TargetKind, name: str) -> None:
    """Remove the note from the target; raises KubeError."""
    seen = await read_scale(api, ScaleOwner(kind, name))
    if BASELINE in seen.annotations:
        await api.patch_target(kind, name, [{"op": "remove", "path": f"/metadata/annotations/{escaped(BASELINE)}"}])


async def release_fields(api: ScaleApi, owner: ScaleOwner) -> None:
    """Stop being an owner of fields of the object, so that ``helm upgrade`` finds no conflict; raises KubeError."""
    patch = release_patch((await read_scale(api, owner)).managed_fields)
    if patch:
        await _patch(api, owner)(patch)
