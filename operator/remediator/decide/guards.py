"""Guards: the conditions that must hold before an action."""

from dataclasses import dataclass
from datetime import datetime

from remediator.api.names import PodName
from remediator.api.policy import Action, Mode, Policy, Step
from remediator.api.reasons import Reason
from remediator.api.remediation import GateKind, Phase, Remediation
from remediator.decide.action_history import acted_itself, actions_of, budget_free_at, cooldown_ends
from remediator.decide.observed import ABSENT, ActionRecord, Autoscaler, Observed, Workload
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


def counted_actions(remediation: Remediation, observed: Observed) -> tuple[ActionRecord, ...]:
    """Return the actions that count for a remediation: its own and the target's past ones of the same mode."""
    dry_run = remediation.spec.mode is Mode.DRY_RUN
    return tuple(record for record in observed.history if record.dry_run is dry_run) + actions_of(remediation)


def held_by_person(policy: Policy, remediation: Remediation, workload: Workload) -> Gate | None:
    """Return why a person's setting stops the operator from acting, if one does."""
    if policy.spec.mode is Mode.PAUSED or workload.paused:
        what = "policy" if policy.spec.mode is Mode.PAUSED else "target or its namespace"
        return Gate(
            GateKind.PERSON,
            Reason.PAUSED,
            f"A person paused the {what}. Nothing is done. Remove the pause to let the operator continue.",
        )
    if workload.paused is None:
        return _guard(Reason.PAUSE_UNKNOWN, "Whether the target is paused is not known. Waiting until it is.")
    if policy.spec.mode is Mode.DRY_RUN and remediation.spec.mode is Mode.ENFORCE:
        return Gate(
            GateKind.PERSON,
            Reason.POLICY_IS_DRY_RUN,
            "The policy was changed to DryRun. Nothing is carried out. Change it back to Enforce to continue.",
        )
    if not workload.allowed:
        return Gate(
            GateKind.PERSON,
            Reason.NOT_OPTED_IN,
            "The target does not have the opt-in annotation any more. Nothing is done. Add it again to continue.",
        )
    return None


def waits_for_older(remediation: Remediation, observed: Observed) -> Gate | None:
    """Return why another remediation of the same target goes first, if one does.

    One that acts goes first, else the older one. One that is held goes last: it may wait for hours.
    """
    mine = (remediation.created_at, remediation.name)
    acting = is_acting(remediation)
    for other in observed.others:
        if not other.same_target or other.dry_run is not (remediation.spec.mode is Mode.DRY_RUN):
            continue
        older = (other.created_at, other.name) < mine and not other.is_held
        if older or (other.is_acting and not acting):
            message = f"{other.name} acts on the same target and goes first. Waiting for it to end."
            return Gate(GateKind.PERSON, Reason.OLDER_REMEDIATION_FIRST, message)
    return None


def blocked_target(policy: Policy, remediation: Remediation, observed: Observed, now: datetime) -> Gate | None:
    """Return the guard that forbids any action on the target now, the first of a step or a later one."""
    workload = observed.workload or Workload()
    gate = held_by_person(policy, remediation, workload) or waits_for_older(remediation, observed)
    if gate is not None:
        return gate
    ends = [window.ends_at(now) for window in policy.spec.guards.quiet_windows if window.contains(now)]
    if ends:
        message = (
            f"A quiet window of the policy is open until {max(ends):%H:%M} UTC. Nothing is done until then. "
            "Act by hand if it cannot wait."
        )
        return Gate(GateKind.PERSON, Reason.QUIET_WINDOW, message, max(ends))
    if workload.namespace_terminating:
        return _guard(Reason.NAMESPACE_TERMINATING, "The namespace is being deleted. Nothing is done.")
    if workload.rollout_paused:
        return _guard(
            Reason.ROLLOUT_PAUSED,
            "The Deployment's rollouts are paused (spec.paused). Nothing is done. Resume it to let the "
            "operator continue.",
        )
    if isinstance(workload.autoscaler, Autoscaler) and workload.autoscaler.paused:
        message = (
            f"The ScaledObject {workload.autoscaler.name} is paused. Nothing is done. Remove its paused annotation to "
            "let the operator continue."
        )
        return _guard(Reason.AUTOSCALER_PAUSED, message)
    if workload.rollout_complete is None:
        return _guard(Reason.ROLLOUT_UNKNOWN, "The rollout status of the target is not known. Waiting until it is.")
    if not workload.rollout_complete:
        return _guard(
            Reason.ROLLOUT_IN_PROGRESS,
            "A rollout of the target is in progress. Waiting for its end. Check the rollout if it does not progress.",
        )
    return None


def blocked_step(policy: Policy, remediation: Remediation, observed: Observed, now: datetime) -> Gate | None:
    """Return the guard that forbids a new step now."""
    gate = blocked_target(policy, remediation, observed, now) or too_many_at_once(policy, remediation, observed)
    if gate is not None:
        return gate
    until = cooldown_ends(policy.spec.guards.cooldown, counted_actions(remediation, observed), now)
    if until is not None:
        return _guard(
            Reason.COOLDOWN, "The cooldown after the last action is not over. The next step waits for it.", until
        )
    return blocked_budget(policy, remediation, observed, now)


def blocked_budget(policy: Policy, remediation: Remediation, observed: Observed, now: datetime) -> Gate | None:
    """Return which budget is used up, if one is."""
    until = budget_free_at(policy, counted_actions(remediation, observed), now)
    if until is None:
        return None
    return _guard(
        Reason.BUDGET_EXHAUSTED,
        "The action budget is used up. The next step waits. Act by hand if it cannot wait.",
        until,
    )


def blocked_disruption(policy: Policy, observed: Observed, action: Action, pod: PodName | None = None) -> Gate | None:
    """Return why no pod may become unavailable now: minHealthy, and for an eviction the PodDisruptionBudget."""
    workload = observed.workload or Workload()
    if workload.replicas is None:
        return _guard(Reason.WORKLOAD_UNKNOWN, "The desired number of replicas is not known. Waiting until it is.")
    healthy = ready_pods(observed)
    taken = sum(1 for ready in healthy if ready.name == pod) if pod is not None else workload.max_unavailable
    least = policy.spec.guards.least_healthy(workload.replicas)
    if len(healthy) - taken < least:
        left = len(healthy) - taken
        return _guard(
            Reason.MIN_HEALTHY,
            f"{left} of {workload.replicas} pods would be left ready, and minHealthy is {least}. Not "
            "evicting. Check why other pods are not ready.",
        )
    if action is not Action.RESTART_PODS or workload.disruptions_allowed is ABSENT:
        return None
    if workload.disruptions_allowed is None:
        return _guard(
            Reason.DISRUPTION_BUDGET_UNKNOWN, "The PodDisruptionBudget's state is not known. Waiting until it is."
        )
    if workload.disruptions_allowed < 1:
        return _guard(
            Reason.DISRUPTION_BUDGET,
            "The PodDisruptionBudget allows no eviction now. Waiting. Check which pods it counts as unhealthy.",
        )
    return None


def needs_peers(step: Step) -> bool:
    """Tell whether a step rests on the proof that other pods reach the backend."""
    return step.action in {Action.RESTART_PODS, Action.ROLLOUT_RESTART}


def is_held(remediation: Remediation) -> bool:
    """Tell whether a remediation waits without acting: at a gate, or in a revert that a person's setting stops."""
    return remediation.status.phase is Phase.GATED or remediation.status.gate is GateKind.PERSON


def is_acting(remediation: Remediation) -> bool:
    """Tell whether a remediation holds one of the ``maxConcurrent`` slots: one that is held does not."""
    return remediation.active and acted_itself(remediation) and not is_held(remediation)


def too_many_at_once(policy: Policy, remediation: Remediation, observed: Observed) -> Gate | None:
    """Return why no slot of ``maxConcurrent`` is free, if none is."""
    dry_run = remediation.spec.mode is Mode.DRY_RUN
    at_work = sorted(other.name for other in observed.others if other.is_acting and other.dry_run is dry_run)
    if is_acting(remediation) or len(at_work) < policy.spec.max_concurrent:
        return None
    limit = policy.spec.max_concurrent
    message = (
        f"{len(at_work)} other remediations are acting ({', '.join(at_work[:5])}), and the limit is "
        f"{limit}. Waiting for one to end. Raise maxConcurrent if they are independent."
    )
    return Gate(GateKind.PERSON, Reason.MAX_CONCURRENT, message)
