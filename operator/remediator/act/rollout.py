"""RolloutRestart: a new template annotation, the same one for the same step."""

from typing import Protocol

from remediator.act.outcome import from_error
from remediator.act.patches import escaped
from remediator.api.names import RESTARTED_FOR_ANNOTATION
from remediator.decide.decision import ActResult, Outcome
from remediator.kube import KubeError
from remediator.kubernetes_api import Patch, TargetKind, WorkloadObject


class WorkloadApi(Protocol):
    """The calls that this module makes."""

    async def read_target(self, kind: TargetKind, name: str) -> WorkloadObject:
        """Return the workload."""

    async def patch_target(self, kind: TargetKind, name: str, patch: Patch) -> WorkloadObject:
        """Apply a JSON Patch to the workload."""


async def restart_rollout(api: WorkloadApi, kind: TargetKind, name: str, marker: str) -> Outcome:
    """Start a rollout of the workload; ``marker`` is ``<remediation>/<step>``."""
    try:
        target = await api.read_target(kind, name)
        template = target.spec.template.metadata if target.spec else None
        annotations = (template.annotations if template else None) or {}
        if annotations.get(RESTARTED_FOR_ANNOTATION) == marker:
            return Outcome(ActResult.ALREADY_DONE, f"{kind} {name} was restarted for {marker} before.")
        await api.patch_target(kind, name, _patch(target, marker, has_annotations=bool(annotations)))
    except KubeError as error:
        return from_error(error)
    return Outcome(ActResult.ACCEPTED, f"{kind} {name} is restarted for {marker}.")


def _patch(target: WorkloadObject, marker: str, *, has_annotations: bool) -> Patch:
    version = target.metadata.resource_version if target.metadata else None
    base = "/spec/template/metadata/annotations"
    change = (
        {"op": "add", "path": f"{base}/{escaped(RESTARTED_FOR_ANNOTATION)}", "value": marker}
        if has_annotations
        else {"op": "add", "path": base, "value": {RESTARTED_FOR_ANNOTATION: marker}}
    )
    return [{"op": "replace", "path": "/metadata/resourceVersion", "value": version}, change]
