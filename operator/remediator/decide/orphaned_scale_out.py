"""A scale-out whose Remediation is gone, because its policy was deleted or the operator was reinstalled.

The target's baseline annotation still holds the number of replicas before it. The next remediation adopts the
scale-out as its own step, so that it is reverted like any other. If no alert fires, a remediation is opened only for
the revert.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from remediator.api.names import FIELD_MANAGER
from remediator.api.policy import Action, Mode, Policy, TargetRef
from remediator.api.remediation import Baseline, Remediation, StepEntry, StepResult
from remediator.decide.draft import Draft
from remediator.decide.observed import Observed, SavedBaseline, Workload
from remediator.decide.scale_out import current_scale, is_scaled_by_policy, scale_out_to_revert


@dataclass(frozen=True, slots=True)
class OrphanedScaleOut:
    """A scale-out without a remediation: the number as it is now, and the saved baseline."""

    saved: SavedBaseline
    number: int

    @property
    def described(self) -> str:
        """The scale-out in words, for sentences."""
        return f"{self.saved.kind}/{self.saved.name} from {self.saved.replicas} to {self.number}"


def find_orphaned_scale_out(
    policy: Policy, existing: Sequence[Remediation], observed: Observed
) -> OrphanedScaleOut | None:
    """Return the scale-out on the policy's target that the operator still owns and that no remediation reverts."""
    saved = (observed.workload or Workload()).baseline
    if not isinstance(saved, SavedBaseline) or not policy.spec.revert.enabled or policy.spec.mode is not Mode.ENFORCE:
        return None
    if any(_is_responsible(item, policy.spec.target_ref) for item in existing):
        return None
    if not is_scaled_by_policy(saved.kind, saved.name, policy.spec.target_ref, observed):
        return None
    reading = current_scale(saved.kind, observed)
    if reading.number is None or reading.number <= saved.replicas or reading.managers != frozenset({FIELD_MANAGER}):
        return None
    return OrphanedScaleOut(saved, reading.number)


def adopt(draft: Draft, orphan: OrphanedScaleOut) -> StepEntry:
    """Record the scale-out as a step that was carried out when the baseline was saved, and return that step."""
    saved = orphan.saved
    steps = draft.policy.spec.escalation
    index = next((number for number, step in enumerate(steps) if step.action is Action.SCALE_OUT), 0)
    draft.status.baseline = Baseline(kind=saved.kind, name=saved.name, replicas=saved.replicas)
    draft.add_step(
        StepEntry(
            index=index,
            action=Action.SCALE_OUT,
            started_at=saved.noted_at,
            accepted_at=saved.noted_at,
            result=StepResult.ACCEPTED,
            message="Found on the target. The remediation that made it was deleted.",
            scale_kind=saved.kind,
            scale_name=saved.name,
            from_=saved.replicas,
            to=orphan.number,
        )
    )
    return draft.status.steps[-1]


def _is_responsible(remediation: Remediation, target: TargetRef) -> bool:
    if remediation.foreign or remediation.spec.target_ref != target or remediation.spec.mode is Mode.DRY_RUN:
        return False
    if remediation.active and remediation.status.baseline is not None:
        return True
    return scale_out_to_revert(remediation.status) is not None
