"""What a scale-out changes: the replicas of the workload, or the minimum of what owns them."""

from dataclasses import dataclass

from remediator.api.policy import Action, Policy, Step, TargetRef
from remediator.api.reasons import Reason
from remediator.api.remediation import GateKind, RemediationStatus, ScaleKind, StepEntry, StepResult
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


def plan_scale_out(policy: Policy, step: Step, observed: Observed) -> ScalePlan | Gate:
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


def foreign_scale(step: StepEntry) -> str:
    """Say that a status names an object that is not the policy's to scale."""
    return (
        f"The status names {step.scale_kind}/{step.scale_name}, which is neither the policy's target nor "
        "its autoscaler. "
        "Nothing is scaled. Check who edited the status, then clear the handover."
    )


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
