"""The action ScaleOut: raise the replicas of the workload, or the minimum of what owns them."""

from dataclasses import dataclass

from remediator.api.policy import Action, Policy, Step, TargetRef
from remediator.api.reasons import Reason
from remediator.api.remediation import Baseline, GateKind, Phase, RemediationStatus, ScaleKind, StepEntry, StepResult
from remediator.decide.acting import accepted, judge_again, repeat, start, start_verifying, without_alert
from remediator.decide.alerts import AlertAssessment
from remediator.decide.decision import Decision, Scale
from remediator.decide.draft import Draft
from remediator.decide.guards import Gate
from remediator.decide.observed import ABSENT, Autoscaler, Observed, Workload

_CARRIED_OUT = {StepResult.ACCEPTED, StepResult.SUCCEEDED, StepResult.NOT_CLEARED, StepResult.BLOCKED}


@dataclass(frozen=True, slots=True)
class ScalePlan:
    """The object to scale, its present number and the new one."""

    kind: ScaleKind
    name: str
    from_: int
    to: int


def start_scale_out(draft: Draft, observed: Observed, index: int, step: Step) -> Decision:
    """Scale out as far as the policy allows."""
    plan = _plan(draft.policy, step, observed)
    if isinstance(plan, Gate):
        return draft.gate(plan)
    baseline = draft.status.baseline or Baseline(kind=plan.kind, name=plan.name, replicas=plan.from_)
    draft.status.baseline = baseline
    entry = StepEntry(
        index=index,
        action=Action.SCALE_OUT,
        started_at=draft.now,
        scale_kind=plan.kind,
        scale_name=plan.name,
        from_=plan.from_,
        to=plan.to,
    )
    start(draft, entry)
    message = (
        f"{plan.kind}/{plan.name} has {plan.from_}, and the policy treats load as the cause. The operator "
        f"scales out to {plan.to}."
    )
    intent = Scale(plan.kind, plan.name, plan.from_, plan.to, baseline.replicas)
    return draft.act(Phase.ACTING, Action.SCALE_OUT, Reason.LOAD_IS_THE_CAUSE, message, intent, replicas=plan.to)


def continue_scale_out(draft: Draft, step: StepEntry, observed: Observed, assessment: AlertAssessment) -> Decision:
    """Repeat a scale-out that the target does not show, unless the world has moved on."""
    scale = recorded_scale(step)
    number = current_scale(scale.kind, observed).number if scale else None
    if scale is not None and number == scale.to:
        return accepted(draft, step, Reason.ALREADY_CARRIED_OUT, f"{scale.name} is {scale.to} already.")
    if (
        scale is None
        or number is None
        or not is_scaled_by_policy(scale.kind, scale.name, draft.policy.spec.target_ref, observed)
    ):
        return cannot_scale(draft, scale, number, Phase.GATED)
    if number != scale.from_:
        message = f"{scale.name} is {number}, so someone else changed it. The operator leaves it and verifies."
        return target_changed(draft, step, message)
    baseline = draft.status.baseline.replicas if draft.status.baseline else scale.from_
    intent = Scale(scale.kind, scale.name, scale.from_, scale.to, baseline)
    ended = without_alert(draft, step, assessment)
    if ended is not None:
        return ended
    judge_again(draft, observed, assessment)
    return repeat(draft, observed, assessment, None, intent)


def target_changed(draft: Draft, step: StepEntry, message: str) -> Decision:
    """Someone else changed the number first: keep theirs and verify whether it helps."""
    step.result = StepResult.TARGET_CHANGED
    step.finished_at = draft.now
    step.message = message
    return start_verifying(draft, step, Reason.TARGET_CHANGED, message)


def _plan(policy: Policy, step: Step, observed: Observed) -> ScalePlan | Gate:
    """Return what to change, or the guard that forbids it.

    Where an autoscaler owns the replicas its minimum is raised, above what there is now; ``spec.replicas`` is never
    touched then, since the autoscaler would overwrite it.
    """
    workload = observed.workload or Workload()
    autoscaler = workload.autoscaler
    if autoscaler is None or workload.replicas is None:
        message = "Whether an autoscaler owns the replicas is not known. Not scaling until it is."
        return Gate(GateKind.GUARD, Reason.AUTOSCALER_UNKNOWN, message)
    target = policy.spec.target_ref
    limits = [limit for limit in (step.max, policy.spec.guards.max_replicas) if limit is not None]
    if isinstance(autoscaler, Autoscaler):
        kind, name, from_ = autoscaler.kind, autoscaler.name, autoscaler.min_replicas
        limits.append(autoscaler.max_replicas)
    else:
        kind, name, from_ = ScaleKind(target.kind), target.name, workload.replicas
    to = min(max(from_, workload.replicas) + (step.by or 0), *limits)
    if to <= max(from_, workload.replicas):
        message = (
            f"{kind}/{name} has {workload.replicas} replicas, and {min(limits)} is the maximum. Not scaling "
            "out. Raise the maximum if the load needs it."
        )
        return Gate(GateKind.GUARD, Reason.MAX_REPLICAS, message)
    return ScalePlan(kind, name, from_, to)


def scale_out_to_revert(status: RemediationStatus) -> StepEntry | None:
    """Return the newest scale-out that was carried out and not reverted."""
    reverts = (step for step in status.steps if step.action is Action.REVERT)
    done = {(step.index, step.to) for step in reverts if step.result is StepResult.SUCCEEDED}
    for step in reversed(status.steps):
        if step.action is Action.SCALE_OUT and step.result in _CARRIED_OUT and (step.index, step.from_) not in done:
            return step
    return None


def is_scaled_by_policy(kind: ScaleKind, name: str, target: TargetRef, observed: Observed) -> bool:
    """Tell whether an object is the policy's target or the autoscaler that owns it: nothing else is ever scaled."""
    if (kind, name) == (target.kind, target.name):
        return True
    autoscaler = (observed.workload or Workload()).autoscaler
    return isinstance(autoscaler, Autoscaler) and (kind, name) == (autoscaler.kind, autoscaler.name)


def recorded_scale(step: StepEntry) -> ScalePlan | None:
    """Return what a step says that it scales, or ``None`` where its record is damaged."""
    if step.scale_kind is None or step.scale_name is None or step.from_ is None or step.to is None:
        return None
    return ScalePlan(step.scale_kind, step.scale_name, step.from_, step.to)


def cannot_scale(draft: Draft, scale: ScalePlan | None, number: int | None, phase: Phase) -> Decision:
    """Decide about a scale whose record is damaged, whose ``number`` is not known, or that is not the policy's."""
    if scale is None:
        message = (
            "The status does not say what to scale. Nothing more is done. Check the target, then clear the handover."
        )
    elif number is None:
        message = f"{scale.kind}/{scale.name} cannot be read. Waiting until it can. Check the operator's rights."
        return draft.gate(Gate(GateKind.GUARD, Reason.AUTOSCALER_UNKNOWN, message), phase=phase)
    else:
        message = (
            f"The status names {scale.kind}/{scale.name}, which is neither the policy's target nor its autoscaler. "
            "Nothing is scaled. Check who edited the status, then clear the handover."
        )
    return draft.finish(Phase.HANDED_OVER, Reason.STATUS_DAMAGED, message)


@dataclass(frozen=True, slots=True)
class ScaleReading:
    """The number that was scaled, as it is now; ``None`` where it is not known or does not exist any more."""

    number: int | None
    managers: frozenset[str] | None


def current_scale(kind: ScaleKind, observed: Observed) -> ScaleReading:
    """Return the number that a scale-out of that kind changed, as it is now."""
    workload = observed.workload or Workload()
    if kind in {ScaleKind.DEPLOYMENT, ScaleKind.STATEFUL_SET}:
        return ScaleReading(workload.replicas, workload.managers)
    autoscaler = workload.autoscaler
    if autoscaler is None or autoscaler is ABSENT or autoscaler.kind is not kind:
        return ScaleReading(None, None)
    return ScaleReading(autoscaler.min_replicas, autoscaler.managers)
