"""Choose the next step of the escalation and start it, or continue the one that is open. Each action is a file."""

from remediator.api.policy import Action, Scope, Step
from remediator.api.reasons import Reason
from remediator.api.remediation import GateKind, Phase, PodRestartState, StepEntry
from remediator.decide.acting import accepted
from remediator.decide.alerts import AlertAssessment
from remediator.decide.decision import Decision
from remediator.decide.draft import Draft
from remediator.decide.guards import Gate, blocked_step, needs_peers
from remediator.decide.observed import Observed, ObservedPod, Workload
from remediator.decide.restart_pods import continue_restart, start_restart
from remediator.decide.rollout_restart import continue_rollout, start_rollout
from remediator.decide.scale_out import continue_scale_out, start_scale_out
from remediator.decide.scope import CauseVerdict, judge_cause, ready_pods, terminating_pods

_OUTLIVED = (
    "The alert fires, but the circuit breakers of its pods are closed, so the failure is over. "
    "Waiting for the alert to clear."
)


def take_next_step(draft: Draft, observed: Observed, assessment: AlertAssessment) -> Decision:
    """Begin the next step for an alert that fires, or say why not."""
    verdict = judge_cause(observed, assessment, draft.status)
    if verdict.scope is None:
        return draft.gate(_nobody_affected(draft, observed, assessment))
    draft.status.scope = verdict.scope
    if verdict.scope is Scope.MAJORITY and draft.status.remaining_pods:
        return draft.gate(_shared_failure_ending(draft))
    found = _choose(draft, verdict.scope)
    if found is None:
        return _without_step(draft, verdict)
    index, step = found
    if step.action is Action.HOLD:
        return _hold(draft, observed, assessment, index, step, verdict)
    pods = _not_restarted_before(draft, verdict)
    if step.action is Action.RESTART_PODS and verdict.to_restart and not pods:
        # A pod that fails again after its restart is not restarted again: a restart does not help it.
        draft.status.next_step = index + 1
        return take_next_step(draft, observed, assessment)
    gate = _cause_gate(step, verdict) or blocked_step(draft.policy, draft.remediation, observed, draft.now)
    gate = gate or _replacement_missing(draft, step, observed)
    if gate is not None:
        return draft.gate(gate)
    if step.action is Action.RESTART_PODS:
        return start_restart(draft, observed, index, verdict, pods)
    if step.action is Action.ROLLOUT_RESTART:
        return start_rollout(draft, observed, index, verdict)
    return start_scale_out(draft, observed, index, step)


def _choose(draft: Draft, scope: Scope) -> tuple[int, Step] | None:
    for index, step in enumerate(draft.policy.spec.escalation):
        if index >= draft.status.next_step and step.fits(scope):
            return index, step
    return None


def _without_step(draft: Draft, verdict: CauseVerdict) -> Decision:
    scope = verdict.scope or Scope.ANY
    if any(step.fits(scope) for step in draft.policy.spec.escalation):
        message = (
            f"Every step was taken and the alert still fires ({verdict.share}). The operator stops. "
            "Follow the alert's runbook, then clear the handover."
        )
        return draft.finish(Phase.HANDED_OVER, Reason.ESCALATION_EXHAUSTED, message)
    if scope is Scope.MAJORITY:
        message = (
            f"{verdict.share}, so the failure is shared and a restart does not help. Not restarting. Check the backend."
        )
        return draft.gate(Gate(GateKind.CAUSE, Reason.SHARED_FAILURE, message))
    message = (
        f"{verdict.share}, and the policy has no step for that. Nothing is done. Add a step "
        "to the policy if there should be one."
    )
    return draft.gate(Gate(GateKind.CAUSE, Reason.NO_STEP_FOR_SCOPE, message))


def _nobody_affected(draft: Draft, observed: Observed, assessment: AlertAssessment) -> Gate:
    ready = {pod.name for pod in ready_pods(observed)}
    if any(alert.pod in ready for alert in assessment.firing):
        return Gate(GateKind.GUARD, Reason.ALERT_OUTLIVES_FAULT, _OUTLIVED)
    evicted = {pod.name for step in draft.status.steps for pod in step.pods if pod.state is PodRestartState.EVICTED}
    stuck = sorted(evicted.intersection(terminating_pods(observed), (alert.pod for alert in assessment.firing)))
    if stuck:
        message = (
            f"{', '.join(stuck)} was evicted and is still shutting down, and its alert still fires. No other pod is "
            "affected, so nothing more is evicted. Check the pod's finalizers, volumes and node."
        )
        return Gate(GateKind.GUARD, Reason.POD_STUCK_TERMINATING, message)
    message = (
        "The alert fires only on pods that are not ready. There is nothing to restart. Check why they are not ready."
    )
    return Gate(GateKind.GUARD, Reason.NO_AFFECTED_PODS, message)


def _cause_gate(step: Step, verdict: CauseVerdict) -> Gate | None:
    if not needs_peers(step):
        return None
    if not verdict.to_restart:
        return Gate(GateKind.CAUSE, Reason.ALERT_OUTLIVES_FAULT, _OUTLIVED)
    if verdict.unproven:
        names = ", ".join(verdict.unproven)
        message = (
            f"No unaffected pod has reached {names} since the failure started, so the backend may be at "
            "fault. Not restarting yet. Check the backend."
        )
        return Gate(GateKind.CAUSE, Reason.NO_PEER_SUCCESS, message)
    return None


def _shared_failure_ending(draft: Draft) -> Gate:
    pods = ", ".join(draft.status.remaining_pods[:5])
    message = (
        f"Most pods were affected and only {pods} still are, so a shared failure may be ending. The operator judges "
        "them anew if that stays so for the policy's recoveryDelay."
    )
    return Gate(GateKind.CAUSE, Reason.SHARED_FAILURE_ENDING, message, draft.status.settling_until)


def _not_restarted_before(draft: Draft, verdict: CauseVerdict) -> tuple[ObservedPod, ...]:
    """Return the pods to restart that the incident has neither evicted nor created as replacements."""
    evicted = {pod.name for step in draft.status.steps for pod in step.pods if pod.state is PodRestartState.EVICTED}
    if not evicted:
        return verdict.to_restart
    known = set(draft.status.initial_pods) - evicted
    return tuple(pod for pod in verdict.to_restart if pod.name in known)


def _replacement_missing(draft: Draft, step: Step, observed: Observed) -> Gate | None:
    """Return why no further pod may be evicted: a pod that the incident evicted has no ready replacement yet."""
    evicted = any(pod.state is PodRestartState.EVICTED for entry in draft.status.steps for pod in entry.pods)
    workload = observed.workload or Workload()
    if not needs_peers(step) or not evicted or len(ready_pods(observed)) >= (workload.replicas or 0):
        return None
    why = f" ({workload.cannot_run})" if workload.cannot_run else ""
    message = (
        f"A replacement of an evicted pod is not ready{why}. No further pod is evicted. Check why it does not start."
    )
    return Gate(GateKind.GUARD, Reason.REPLACEMENT_NOT_READY, message)


def _hold(
    draft: Draft, observed: Observed, assessment: AlertAssessment, index: int, step: Step, verdict: CauseVerdict
) -> Decision:
    scope = verdict.scope or Scope.ANY
    draft.status.held_since = draft.status.held_since or draft.now
    until = draft.status.held_since + step.verify.timeout
    if not any(later.fits(scope) for later in draft.policy.spec.escalation[index + 1 :]):
        message = f"{verdict.share}, and the policy's step is Hold. Nothing is done. Follow the alert's runbook."
        return draft.gate(Gate(GateKind.CAUSE, Reason.HOLD, message))
    if draft.now < until:
        message = f"{verdict.share}, and the policy's step is Hold. The next step follows when its time is over."
        return draft.gate(Gate(GateKind.CAUSE, Reason.HOLD, message, until))
    draft.status.next_step = index + 1
    draft.status.held_since = None
    return take_next_step(draft, observed, assessment)


def continue_step(draft: Draft, step: StepEntry, observed: Observed, assessment: AlertAssessment) -> Decision:
    """Continue a step whose result is open; in a dry run a decided action counts as carried out."""
    if step.action is Action.RESTART_PODS:
        return continue_restart(draft, step, observed, assessment)
    if draft.dry_run:
        return accepted(draft, step, Reason.SIMULATED, "Dry run: assumed as carried out.")
    if step.action is Action.ROLLOUT_RESTART:
        return continue_rollout(draft, step, observed, assessment)
    return continue_scale_out(draft, step, observed, assessment)
