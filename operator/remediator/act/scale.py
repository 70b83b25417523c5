"""ScaleOut and its revert: set one absolute number on the object that controls the replicas.

This is the HorizontalPodAutoscaler's ``minReplicas`` or KEDA's ``minReplicaCount`` if the target has one of them.
Otherwise it is the workload's ``replicas``; an autoscaler would overwrite that number.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from kubernetes.aio import client

from remediator.act.outcome import from_error
from remediator.act.patches import escaped, field_managers, release_patch
from remediator.api.names import BASELINE_ANNOTATION, FIELD_MANAGER
from remediator.api.remediation import ScaleKind
from remediator.decide.decision import ActResult, Outcome
from remediator.kube import ConflictError, KubeError, RefusedError
from remediator.kubernetes_api import Json, Patch, TargetKind, WorkloadObject

WRITE_ATTEMPTS = 5
"""How often the number is read again and changed where the object's version moved: the controllers write the status
of a workload that scales all the time."""
RELEASE_ATTEMPTS = 5
"""How often the positions of the operator's managedFields entries are read again before the release fails."""

_FIELDS = {
    ScaleKind.DEPLOYMENT: "replicas",
    ScaleKind.STATEFUL_SET: "replicas",
    ScaleKind.HORIZONTAL_POD_AUTOSCALER: "minReplicas",
    ScaleKind.SCALED_OBJECT: "minReplicaCount",
}
_UNSET = {
    ScaleKind.DEPLOYMENT: 1,
    ScaleKind.STATEFUL_SET: 1,
    ScaleKind.HORIZONTAL_POD_AUTOSCALER: 1,
    ScaleKind.SCALED_OBJECT: 0,
}
"""The API's default for an absent number."""


class ScaleApi(Protocol):
    """The calls that this module makes."""

    async def read_target(self, kind: TargetKind, name: str) -> WorkloadObject:
        """Return the workload."""

    async def patch_target(self, kind: TargetKind, name: str, patch: Patch) -> WorkloadObject:
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

    kind: ScaleKind
    name: str

    @property
    def field(self) -> str:
        """The number's name in ``spec``."""
        return _FIELDS[self.kind]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@dataclass(frozen=True, slots=True)
class ScaleReading:
    """The number as it was read, with the fields that protect a change against concurrent writes."""

    value: int
    present: bool
    resource_version: str
    managers: frozenset[str]
    managed_fields: list[Any]
    annotations: dict[str, str]


async def read_scale(api: ScaleApi, owner: ScaleOwner) -> ScaleReading:
    """Return the present number; raises KubeError."""
    found: Any
    if owner.kind is ScaleKind.SCALED_OBJECT:
        found = await api.read_scaled_object(owner.name)
        value = found.get("spec", {}).get(owner.field)
        metadata = found["metadata"]
        managed = list(metadata.get("managedFields") or [])
        version, annotations = metadata["resourceVersion"], metadata.get("annotations")
    else:
        if owner.kind is ScaleKind.HORIZONTAL_POD_AUTOSCALER:
            found = await api.read_autoscaler(owner.name)
            value = found.spec.min_replicas
        else:
            found = await api.read_target(_workload_kind(owner), owner.name)
            value = found.spec.replicas
        managed = list(found.metadata.managed_fields or [])
        version, annotations = found.metadata.resource_version, found.metadata.annotations
    return ScaleReading(
        value=_UNSET[owner.kind] if value is None else int(value),
        present=value is not None,
        resource_version=version,
        managers=frozenset(field_managers(managed, ("spec", owner.field))),
        managed_fields=managed,
        annotations=dict(annotations or {}),
    )


async def set_scale(
    api: ScaleApi, owner: ScaleOwner, before: int, after: int, *, baseline: str | None = None, only_ours: bool = False
) -> Outcome:
    """Change the number from ``before`` to ``after``; any other number was set by someone else and is kept.

    ``baseline`` is saved on the object in the same request. With ``only_ours`` the operator must also have written the
    number (a revert never changes someone else's number).
    """
    for attempt in range(1, WRITE_ATTEMPTS + 1):
        try:
            seen = await read_scale(api, owner)
            settled = _settled(owner, seen, before, after, only_ours=only_ours)
            if settled is not None:
                return settled
            await patcher(api, owner)(_change(owner, seen, before, after, baseline))
        except (ConflictError, RefusedError) as error:
            if isinstance(error, ConflictError) and attempt < WRITE_ATTEMPTS:
                continue
            return await _why_not(api, owner, before, after, error, only_ours=only_ours)
        except KubeError as error:
            return from_error(error)
        break
    return Outcome(ActResult.ACCEPTED, f"{owner}: {owner.field} is changed from {before} to {after}.")


def _settled(owner: ScaleOwner, seen: ScaleReading, before: int, after: int, *, only_ours: bool) -> Outcome | None:
    """Return the outcome when there is nothing to write, else None."""
    if seen.value == after:
        return Outcome(ActResult.ALREADY_DONE, f"{owner}: {owner.field} is {after} already.")
    if seen.value != before:
        return Outcome(ActResult.TARGET_CHANGED, f"{owner}: {owner.field} is {seen.value}, {before} was expected.")
    if only_ours and FIELD_MANAGER not in seen.managers:
        names = ", ".join(sorted(seen.managers)) or "an unknown manager"
        return Outcome(ActResult.TARGET_CHANGED, f"{owner}: {owner.field} was last set by {names}.")
    return None


async def _why_not(
    api: ScaleApi, owner: ScaleOwner, before: int, after: int, error: KubeError, *, only_ours: bool
) -> Outcome:
    """Read again to distinguish a failed test, a stale version and a real refusal."""
    try:
        seen = await read_scale(api, owner)
    except KubeError as second:
        return from_error(second)
    return _settled(owner, seen, before, after, only_ours=only_ours) or from_error(error)


def _change(owner: ScaleOwner, seen: ScaleReading, before: int, after: int, baseline: str | None) -> Patch:
    path = f"/spec/{owner.field}"
    patch: Patch = [{"op": "replace", "path": "/metadata/resourceVersion", "value": seen.resource_version}]
    if seen.present:
        patch += [{"op": "test", "path": path, "value": before}, {"op": "replace", "path": path, "value": after}]
    else:
        patch.append({"op": "add", "path": path, "value": after})
    if baseline is not None and BASELINE_ANNOTATION not in seen.annotations:
        patch.append(_annotate(seen, baseline))
    return patch


def _annotate(seen: ScaleReading, value: str) -> dict[str, Any]:
    if seen.annotations:
        return {"op": "add", "path": f"/metadata/annotations/{escaped(BASELINE_ANNOTATION)}", "value": value}
    return {"op": "add", "path": "/metadata/annotations", "value": {BASELINE_ANNOTATION: value}}


def patcher(api: ScaleApi, owner: ScaleOwner) -> Callable[[Patch], Awaitable[Any]]:
    """Return the call that patches the object."""

    async def send(patch: Patch) -> Any:
        if owner.kind is ScaleKind.HORIZONTAL_POD_AUTOSCALER:
            return await api.patch_autoscaler(owner.name, patch)
        if owner.kind is ScaleKind.SCALED_OBJECT:
            return await api.patch_scaled_object(owner.name, patch)
        return await api.patch_target(_workload_kind(owner), owner.name, patch)

    return send


def _workload_kind(owner: ScaleOwner) -> TargetKind:
    return "StatefulSet" if owner.kind is ScaleKind.STATEFUL_SET else "Deployment"


async def note_baseline(api: ScaleApi, target: ScaleOwner, value: str) -> None:
    """Save the baseline on the target too, if another object is scaled; raises KubeError."""
    seen = await read_scale(api, target)
    if BASELINE_ANNOTATION not in seen.annotations:
        version = {"op": "replace", "path": "/metadata/resourceVersion", "value": seen.resource_version}
        await patcher(api, target)([version, _annotate(seen, value)])


async def release(api: ScaleApi, owner: ScaleOwner) -> Outcome:
    """Remove the baseline and the operator's ownership of fields, so that ``helm upgrade`` has no conflict."""
    try:
        seen = await read_scale(api, owner)
        if BASELINE_ANNOTATION in seen.annotations:
            path = f"/metadata/annotations/{escaped(BASELINE_ANNOTATION)}"
            await patcher(api, owner)([{"op": "remove", "path": path}])
        await _release_fields(api, owner)
    except KubeError as error:
        return from_error(error)
    return Outcome(ActResult.ACCEPTED, f"{owner}: the operator owns no field of it any more.")


async def _release_fields(api: ScaleApi, owner: ScaleOwner) -> None:
    """Remove the operator's managedFields entries.

    Their positions change with every write of a controller, which is frequent for a scaled workload. The patch's test
    then fails (422), so the entries are read again.
    """
    for attempt in range(1, RELEASE_ATTEMPTS + 1):
        patch = release_patch((await read_scale(api, owner)).managed_fields)
        if not patch:
            return
        try:
            await patcher(api, owner)(patch)
        except RefusedError:
            if attempt == RELEASE_ATTEMPTS:
                raise
        else:
            return
