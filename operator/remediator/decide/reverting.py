"""Revert a scale-out step by step to the saved baseline; never against someone else's change."""

from remediator.api.names import FIELD_MANAGER
from remediator.api.policy import Action
from remediator.api.reasons import Reason
from remediator.api.remediation import Phase, StepEntry, StepResult
from remediator.decide.alerts import AlertAssessment, AlertSignal
from remediator.decide.decision import Decision, RemoveFieldOwnership, RevertScale
from remediator.decide.draft import Draft
from remediator.decide.guards import blocked_target
from remediator.decide.observed import Observed, Workload
from remediator.decide.scale_out import (
    ScalePlan,
    ScaleReading,
    cannot_scale,
    current_scale,
    is_scaled_by_policy,
    recorded_scale,
    scale_out_to_revert,
)

_NOT_CLEARED = {AlertSignal.FIRING, AlertSignal.SUPPRESSED, AlertSignal.PENDING}


def _blocked_step(draft: Draft) -> StepEntry | None:
    """Return the scale-out whose pods could not run: it is reverted whatever the alert does."""
    return next((step for step in draft.status.steps if step.result is StepResult.BLOCKED), None)


def is_scaled_out(draft: Draft) -> bool:
    """Tell whether there is a scale-out that the policy wants reverted."""
    return draft.policy.spec.revert.enabled and scale_out_to_revert(draft.status) is not None


def start_reverting(
    draft: Draft,
    reason: Reason = Reason.RECOVERED,
    message: str = "The alert stayed cleared. The operator reverts the scale-out.",
) -> Decision:
    """Start to revert the scale-outs."""
    draft.status.revert_not_before = draft.now
    return draft.wait(Phase.REVERTING, reason, message)


def revert(draft: Draft, observed: Observed, assessment: AlertAssessment) -> Decision:
    """Continue a revert; the alert and the workload are known."""
    step = draft.status.current_step
    if step is not None and step.action is Action.REVERT and step.result is StepResult.IN_PROGRESS:
        return _continue_revert(draft, step, observed, assessment)
    if assessment.signal in _NOT_CLEARED and _blocked_step(draft) is None:
        return _alert_is_back(draft)
    if step is not None and step.action is Action.REVERT and step.result is StepResult.TARGET_CHANGED:
        return _end(draft, observed, left=step.message)
    taken = scale_out_to_revert(draft.status)
    if taken is None or not draft.policy.spec.revert.enabled:
        return _end(draft, observed)
    gate = blocked_target(draft.policy, draft.remediation, observed, draft.now)
    if gate is not None:
        return draft.gate(gate, phase=Phase.REVERTING)
    until = draft.status.revert_not_before
    if until is not None and draft.now < until:
        return draft.wait(Phase.REVERTING, Reason.LOWERING, "The next lowering waits for its time.", wake_at=until)
    return _start(draft, taken, observed)


def reverted(draft: Draft, step: StepEntry) -> Decision:
    """One scale-out was reverted: wait until the target is stable, then continue."""
    step.result = StepResult.SUCCEEDED
    step.accepted_at = step.finished_at = draft.now
    draft.status.gated_since = None
    draft.status.revert_not_before = draft.now + draft.policy.spec.verification.stable_for
    message = f"{step.scale_name} went back from {step.from_} to {step.to}."
    return draft.wait(Phase.REVERTING, Reason.LOWERED, message, wake_at=draft.status.revert_not_before)


def _alert_is_back(draft: Draft) -> Decision:
    scaled = next((step for step in reversed(draft.status.steps) if step.action is Action.SCALE_OUT), None)
    steps = draft.policy.spec.escalation
    index = min(scaled.index if scaled else 0, len(steps) - 1)
    draft.status.verify_until = draft.now + steps[index].verify.timeout
    draft.status.stable_until = None
    message = "The alert fires again during the revert. The operator stops lowering and verifies again."
    return draft.wait(Phase.VERIFYING, Reason.ALERT_RETURNED, message, wake_at=draft.status.verify_until)


def _continue_revert(draft: Draft, step: StepEntry, observed: Observed, assessment: AlertAssessment) -> Decision:
    scale = recorded_scale(step)
    if scale is None:
        return cannot_scale(draft, None, None, Phase.REVERTING)
    reading = current_scale(scale.kind, observed)
    if draft.dry_run or reading.number == scale.to:
        return reverted(draft, step)
    if assessment.signal in _NOT_CLEARED and _blocked_step(draft) is None:
        step.result, step.finished_at = StepResult.STOPPED, draft.now
        return _alert_is_back(draft)
    if reading.number is None or not is_scaled_by_policy(
        scale.kind, scale.name, draft.policy.spec.target_ref, observed
    ):
        return cannot_scale(draft, scale, reading.number, Phase.REVERTING)
    if reading.number != scale.from_ or _is_anothers(reading):
        return _left_to_others(draft, step, reading, observed)
    gate = blocked_target(draft.policy, draft.remediation, observed, draft.now)
    if gate is not None:
        return draft.gate(gate, phase=Phase.REVERTING)
    message = "The revert is recorded but not visible in the cluster. The operator repeats it."
    return draft.repeat(Reason.RESUMED, message, _intent(draft, scale))


def _start(draft: Draft, taken: StepEntry, observed: Observed) -> Decision:
    scale = recorded_scale(taken)
    if scale is None:
        return cannot_scale(draft, None, None, Phase.REVERTING)
    # In a dry run nothing was scaled, so the number is assumed to be the one it would have.
    reading = ScaleReading(scale.to, None) if draft.dry_run else current_scale(scale.kind, observed)
    is_ours = draft.dry_run or is_scaled_by_policy(scale.kind, scale.name, draft.policy.spec.target_ref, observed)
    if reading.number is None or not is_ours:
        return cannot_scale(draft, scale, reading.number, Phase.REVERTING)
    lowering = ScalePlan(scale.kind, scale.name, scale.to, scale.from_)
    step = StepEntry(
        index=taken.index,
        action=Action.REVERT,
        started_at=draft.now,
        scale_kind=lowering.kind,
        scale_name=lowering.name,
        from_=lowering.from_,
        to=lowering.to,
    )
    draft.add_step(step)
    step = draft.status.steps[-1]
    if reading.number != lowering.from_ or _is_anothers(reading):
        return _left_to_others(draft, step, reading, observed)
    message = f"The target is stable. The operator lowers {lowering.name} from {lowering.from_} to {lowering.to}."
    intent = _intent(draft, lowering)
    return draft.act(Phase.REVERTING, Action.REVERT, Reason.TAKING_BACK, message, intent, replicas=lowering.to)


def _intent(draft: Draft, scale: ScalePlan) -> RevertScale:
    baseline = draft.status.baseline.replicas if draft.status.baseline else scale.to
    return RevertScale(scale.kind, scale.name, scale.from_, scale.to, baseline)


def _is_anothers(reading: ScaleReading) -> bool:
    return reading.managers is not None and bool(reading.managers - {FIELD_MANAGER})


def _left_to_others(draft: Draft, step: StepEntry, reading: ScaleReading, observed: Observed) -> Decision:
    owners = ", ".join(sorted((reading.managers or frozenset()) - {FIELD_MANAGER}))
    whose = f"and is owned by {owners} too" if owners else f"instead of {step.from_}"
    step.result = StepResult.TARGET_CHANGED
    step.finished_at = draft.now
    step.message = (
        f"{step.scale_name} is {reading.number} {whose}, so someone else changed it. The operator leaves it as it is."
    )
    return _end(draft, observed, left=step.message)


def _end(draft: Draft, observed: Observed, *, left: str = "") -> Decision:
    workload = observed.workload or Workload()
    baseline = draft.status.baseline
    if workload.owned_fields and baseline is not None and not draft.dry_run:
        draft.status.phase = Phase.REVERTING
        message = (
            "The revert is complete. The operator releases its field ownership, so that the next helm "
            "upgrade has no conflict."
        )
        return draft.repeat(Reason.RELEASING_FIELD, message, RemoveFieldOwnership(baseline.kind, baseline.name))
    blocked = _blocked_step(draft)
    if blocked is not None:
        outcome = left or "The scale-out was reverted."
        draft.condition("Reverted", not left, Reason.TARGET_CHANGED if left else Reason.BACK_TO_BASELINE, outcome)
        message = f"{blocked.message} {outcome} Make room for more pods, or raise the quota, then clear the handover."
        return draft.finish(Phase.HANDED_OVER, Reason.SCALE_OUT_BLOCKED, message)
    if left:
        draft.condition("Reverted", False, Reason.TARGET_CHANGED, left)
        return draft.finish(Phase.SUCCEEDED, Reason.TARGET_CHANGED, f"The alert stayed cleared. {left}")
    draft.condition("Reverted", True, Reason.BACK_TO_BASELINE, "The scale-out was reverted.")
    return draft.finish(Phase.SUCCEEDED, Reason.REVERTED, "The alert stayed cleared and the scale-out was reverted.")
