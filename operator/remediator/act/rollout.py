"""RolloutRestart: a new template annotation, the same one for the same step."""

from typing import Protocol

from remediator.act.outcome import Outcome, Result, from_error
from remediator.act.patches import escaped
from remediator.cluster import GROUP, Patch, TargetKind, Workload
from remediator.kube import KubeError

RESTARTED_FOR = f"{GROUP}/restarted-for"


class WorkloadApi(Protocol):
    """The calls that this module makes."""

    async def read_target(self, kind: TargetKind, name: str) -> Workload:
        """Return the workload."""

    async def patch_target(self, kind: TargetKind, name: str, patch: Patch) -> Workload:
        """Apply a JSON Patch to the workload."""


async def restart_rollout(api: WorkloadApi, kind: TargetKind, name: str, uid: str, marker: str) -> Outcome:
    """Start a rollout of the workload with that uid; ``marker`` is ``<remediation>/<step>``."""
    try:
        target = await api.read_target(kind, name)
        if target.metadata is None or target.metadata.uid != uid:
            return Outcome(Result.GONE, f"{kind} {name} was replaced by another of that name.")
        template = target.spec.template.metadata if target.spec else None
        annotations = (template.annotations if template else None) or {}
        if annotations.get(RESTARTED_FOR) == marker:
            return Outcome(Result.ALREADY_DONE, f"{kind} {name} was restarted for {marker} before.")
        await api.patch_target(kind, name, _patch(target, marker, has_annotations=bool(annotations)))
    except KubeError as error:
        return from_error(error)
    return Outcome(Result.ACCEPTED, f"{kind} {name} is restarted for {marker}.")


def _patch(target: Workload, marker: str, *, has_annotations: bool) -> Patch:
    version = target.metadata.resource_version if target.metadata else None
    base = "/spec/template/metadata/annotations"
    change = (
        {"op": "add", "path": f"{base}/{escaped(RESTARTED_FOR)}", "value": marker}
        if has_annotations
        else {"op": "add", "path": base, "value": {RESTARTED_FOR: marker}}
    )
    return [{"op": "replace", "path": "/metadata/resourceVersion", "value": version}, change]
