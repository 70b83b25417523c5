"""A scale-out whose Remediation is gone, because its policy was deleted or the operator was installed anew.

The target still tells the number before it. The remediation that begins next takes the scale-out over as a step of
its own, so that it is taken back like any other; where no alert fires one begins for that alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from remediator.api.names import FIELD_MANAGER
from remediator.api.policy import Action, Mode, Policy, TargetRef
from remediator.api.remediation import Baseline, Remediation, StepEntry, StepResult
from remediator.decide.draft import Draft
from remediator.decide.observed import Autoscaler, Observed, SavedBaseline, Workload
from remediator.decide.scaling import scale_out_to_take_back, standing_of


@dataclass(frozen=True, slots=True)
class Leftover:
    """A scale-out that nobody answers for: the number as it stands, and the note about the one before."""

    saved: SavedBaseline
    number: int

    @property
    def told(self) -> str:
        """The scale-out in words, for sentences."""
        return f"{self.saved.kind}/{self.saved.name} from {self.saved.replicas} to {self.number}"


def find_leftover(policy: Policy, existing: Sequence[Remediation], observed: Observed) -> Leftover | None:
    """Return the scale-out that is left on the policy's target, if it is ours still and nobody answers for it."""
    saved = (observed.workload or Workload()).baseline
    if not isinstance(saved, SavedBaseline) or not policy.spec.revert.enabled or policy.spec.mode is not Mode.ENFORCE:
        return None
    if any(_answers_for_it(item, policy.spec.target_ref) for item in existing):
        return None
    if not _is_target_or_autoscaler(saved, policy.spec.target_ref, observed):
        return None
    standing = standing_of(saved.kind, observed)
    if standing.number is None or standing.number <= saved.replicas or standing.managers != frozenset({FIELD_MANAGER}):
        return None
    return Leftover(saved, standing.number)


def take_over(draft: Draft, leftover: Leftover) -> StepEntry:
    """Write the scale-out down as a step that was carried out when the note was made, and return that step."""
    saved = leftover.saved
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
            message="Found on the target: the remediation that did it is gone.",
            scale_kind=saved.kind,
            scale_name=saved.name,
            from_=saved.replicas,
            to=leftover.number,
        )
    )
    return draft.status.steps[-1]


def _answers_for_it(remediation: Remediation, target: TargetRef) -> bool:
    if remediation.spec.target_ref != target or remediation.spec.mode is Mode.DRY_RUN:
        return False
    if remediation.active and remediation.status.baseline is not None:
        return True
    return scale_out_to_take_back(remediation.status) is not None


def _is_target_or_autoscaler(saved: SavedBaseline, target: TargetRef, observed: Observed) -> bool:
    if (saved.kind, saved.name) == (target.kind, target.name):
        return True
    autoscaler = (observed.workload or Workload()).autoscaler
    return isinstance(autoscaler, Autoscaler) and (saved.kind, saved.name) == (autoscaler.kind, autoscaler.name)
