"""The guards: what stands between a decision and an action that would make things worse."""

from dataclasses import dataclass
from datetime import datetime

from remediator.api.names import PodName
from remediator.api.policy import Action, Mode, Policy, Step
from remediator.api.reasons import Reason
from remediator.api.remediation import GateKind, Remediation
from remediator.decide.ledger import actions_of, budget_free_at, cooldown_ends, has_begun
from remediator.decide.observed import ABSENT, ActionRecord, Observed, Workload
from remediator.decide.scope import ready_pods


@dataclass(frozen=True, slots=True)
class Gate:
    """Why an action waits, and until when, where that is known."""

    kind: GateKind
    reason: Reason
    message: str
    until: datetime | None = None


def _guard(reason: Reason, message: str, until: datetime | None = None) -> Gate:
    return Gate(GateKind.GUARD, reason, message, until)


def ledger_of(remediation: Remediation, observed: Observed) -> tuple[ActionRecord, ...]:
    """Return the actions that count for a remediation: its own and the target's past ones of the same mode."""
    dry_run = remediation.spec.mode is Mode.DRY_RUN
    return tuple(record for record in observed.history if record.dry_run is dry_run) + actions_of(remediation)


def held_by_person(policy: Policy, remediation: Remediation, workload: Workload) -> Gate | None:
    """Return why a person keeps the robot from acting at all, if one does."""
    if policy.spec.mode is Mode.PAUSED or workload.paused:
        what = "policy" if policy.spec.mode is Mode.PAUSED else "target or its namespace"
        return Gate(GateKind.PERSON, Reason.PAUSED, f"The {what} is paused by a person.")
    if workload.paused is None:
        return _guard(Reason.PAUSE_UNKNOWN, "It is not known whether a person paused the target.")
    if policy.spec.mode is Mode.DRY_RUN and remediation.spec.mode is Mode.ENFORCE:
        return Gate(
            GateKind.PERSON, Reason.POLICY_IS_DRY_RUN, "The policy was changed to DryRun: nothing is carried out."
        )
    if not workload.allowed:
        return Gate(
            GateKind.PERSON, Reason.NOT_OPTED_IN, "The target lost the annotation that allows policies to act on it."
        )
    return None


def waits_for_older(remediation: Remediation, observed: Observed) -> Gate | None:
    """Return why another remediation of the same target goes first: the older one always wins."""
    mine = (remediation.created_at, remediation.name)
    for other in observed.others:
        same = other.same_target and other.dry_run is (remediation.spec.mode is Mode.DRY_RUN)
        if same and (other.created_at, other.name) < mine:
            message = f"{other.name} works on the same target and is older."
            return Gate(GateKind.PERSON, Reason.OLDER_REMEDIATION_FIRST, message)
    return None


def blocked_target(policy: Policy, remediation: Remediation, observed: Observed, now: datetime) -> Gate | None:
    """Return what forbids any action on the target now, be it the first of a step or a later one."""
    workload = observed.workload or Workload()
    gate = held_by_person(policy, remediation, workload) or waits_for_older(remediation, observed)
    if gate is not None:
        return gate
    if any(window.contains(now) for window in policy.spec.guards.quiet_windows):
        return _guard(Reason.QUIET_WINDOW, "A quiet window of the policy is open.")
    if workload.rollout_complete is None:
        return _guard(Reason.ROLLOUT_UNKNOWN, "It is not known whether a rollout of the target is under way.")
    if not workload.rollout_complete:
        return _guard(Reason.ROLLOUT_IN_PROGRESS, "A rollout of the target is under way.")
    return None


def blocked_step(policy: Policy, remediation: Remediation, observed: Observed, now: datetime) -> Gate | None:
    """Return what forbids to begin a step now."""
    gate = blocked_target(policy, remediation, observed, now) or _too_many_at_once(policy, remediation, observed)
    if gate is not None:
        return gate
    until = cooldown_ends(policy.spec.guards.cooldown, ledger_of(remediation, observed), now)
    if until is not None:
        return _guard(Reason.COOLDOWN, "The cooldown after the last action is not over.", until)
    return blocked_budget(policy, remediation, observed, now)


def blocked_budget(policy: Policy, remediation: Remediation, observed: Observed, now: datetime) -> Gate | None:
    """Return which budget is used up, if one is."""
    until = budget_free_at(policy, ledger_of(remediation, observed), now)
    if until is None:
        return None
    return _guard(Reason.BUDGET_EXHAUSTED, "As many actions as a budget allows were taken already.", until)


def blocked_disruption(policy: Policy, observed: Observed, action: Action, pod: PodName | None = None) -> Gate | None:
    """Return why no pod may be taken away now: minHealthy, and for an eviction the PodDisruptionBudget."""
    workload = observed.workload or Workload()
    if workload.replicas is None:
        return _guard(Reason.WORKLOAD_UNKNOWN, "The desired number of replicas is not known.")
    healthy = ready_pods(observed)
    taken = sum(1 for ready in healthy if ready.name == pod) if pod is not None else workload.max_unavailable
    least = policy.spec.guards.least_healthy(workload.replicas)
    if len(healthy) - taken < least:
        left = len(healthy) - taken
        return _guard(
            Reason.MIN_HEALTHY, f"{left} healthy pods would be left of {workload.replicas}, at least {least} must."
        )
    if action is not Action.RESTART_PODS or workload.disruptions_allowed is ABSENT:
        return None
    if workload.disruptions_allowed is None:
        return _guard(Reason.DISRUPTION_BUDGET_UNKNOWN, "It is not known what the PodDisruptionBudget allows.")
    if workload.disruptions_allowed < 1:
        return _guard(Reason.DISRUPTION_BUDGET, "The PodDisruptionBudget allows no eviction now.")
    return None


def needs_peers(step: Step) -> bool:
    """Tell whether a step rests on the proof that other pods reach the backend."""
    return step.action in {Action.RESTART_PODS, Action.ROLLOUT_RESTART}


def _too_many_at_once(policy: Policy, remediation: Remediation, observed: Observed) -> Gate | None:
    dry_run = remediation.spec.mode is Mode.DRY_RUN
    at_work = sorted(other.name for other in observed.others if other.has_acted and other.dry_run is dry_run)
    if has_begun(remediation) or len(at_work) < policy.spec.max_concurrent:
        return None
    limit = policy.spec.max_concurrent
    message = f"{limit} remediations may be at work in the namespace at once: {', '.join(at_work[:5])}."
    return Gate(GateKind.PERSON, Reason.MAX_CONCURRENT, message)
