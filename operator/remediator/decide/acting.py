"""Continue a step that was started: the next pod of a restart, and what a killed operator left unfinished.

An intent that is written down says what was to be done, not whether it was. So the world is looked at first, and
only what it does not show yet is carried out again.
"""

from datetime import timedelta

from remediator.api.policy import Action, Scope
from remediator.api.reasons import Reason
from remediator.api.remediation import GateKind, Phase, PodEntry, PodRestartState, StepEntry, StepResult
from remediator.decide.alerts import RESOLVED, AlertAssessment, AlertSignal
from remediator.decide.decision import Decision, EvictPod, RolloutRestart, Scale
from remediator.decide.draft import Draft
from remediator.decide.guards import Gate, blocked_budget, blocked_disruption, blocked_target, too_many_at_once
from remediator.decide.observed import Observed, Workload
from remediator.decide.scaling import current_scale, foreign_scale, is_scaled_by_policy
from remediator.decide.scope import judge_cause, ready_pods, terminating_pods


def continue_step(draft: Draft, step: StepEntry, observed: Observed, assessment: AlertAssessment) -> Decision:
    """Go on with a step whose result is still open."""
    if draft.dry_run:
        return _simulate(draft, step, observed, assessment)
    if step.action is Action.RESTART_PODS:
        return _restart_next(draft, step, observed, assessment)
    if step.action is Action.ROLLOUT_RESTART:
        workload = observed.workload or Workload()
        if step.restarted_for is not None and workload.restarted_for == step.restarted_for:
            return accepted(draft, step, Reason.ALREADY_CARRIED_OUT, "The rollout was restarted already.")
        intent: RolloutRestart | Scale = RolloutRestart(step.restarted_for or "")
        return _again(draft, step, observed, assessment, intent)
    return _scale(draft, step, observed, assessment)


def accepted(draft: Draft, step: StepEntry, reason: Reason, message: str) -> Decision:
    """A step was carried out completely: start its verification."""
    step.accepted_at = draft.now
    step.result = StepResult.ACCEPTED
    return start_verifying(draft, step, reason, message)


def start_verifying(draft: Draft, step: StepEntry, reason: Reason, message: str) -> Decision:
    """Start the clock within which alert, pods and rollout must all hold."""
    draft.status.verify_until = draft.now + timeout_of(draft, step)
    draft.status.stable_until = None
    draft.status.gate = None
    draft.status.gated_since = None
    draft.status.next_allowed_time = None
    return draft.wait(Phase.VERIFYING, reason, message, wake_at=draft.status.verify_until)


def timeout_of(draft: Draft, step: StepEntry) -> timedelta:
    """Return the step's ``verify.timeout``; of a step that the policy has no more, that of its last one."""
    steps = draft.policy.spec.escalation
    return steps[min(step.index, len(steps) - 1)].verify.timeout


def mark(step: StepEntry, pod: PodEntry, **changes: object) -> None:
    """Replace one pod's entry in a step."""
    step.pods = [entry.model_copy(update=changes) if entry.uid == pod.uid else entry for entry in step.pods]


def _simulate(draft: Draft, step: StepEntry, observed: Observed, assessment: AlertAssessment) -> Decision:
    """In a dry run a decided action counts as carried out."""
    if step.action is not Action.RESTART_PODS:
        return accepted(draft, step, Reason.SIMULATED, "Dry run: assumed as carried out.")
    for pod in step.pods:
        if pod.state is PodRestartState.EVICTING:
            mark(step, pod, state=PodRestartState.EVICTED, at=draft.now)
    return _restart_next(draft, step, observed, assessment)


def _restart_next(draft: Draft, step: StepEntry, observed: Observed, assessment: AlertAssessment) -> Decision:
    staying = {pod.uid for pod in (observed.workload or Workload()).pods or () if not pod.terminating}
    for pod in step.pods:
        if pod.state is PodRestartState.EVICTING and pod.uid not in staying:
            mark(step, pod, state=PodRestartState.EVICTED, at=draft.now)
        elif pod.state is PodRestartState.WAITING and (pod.uid not in staying or _has_recovered(draft, pod)):
            mark(step, pod, state=PodRestartState.SKIPPED, at=draft.now)
    in_progress = next((pod for pod in step.pods if pod.state is PodRestartState.EVICTING), None)
    if in_progress is not None:
        return _again(draft, step, observed, assessment, EvictPod(in_progress.name, in_progress.uid), in_progress)
    verdict = judge_cause(observed, assessment, draft.status)
    draft.status.scope = verdict.scope or draft.status.scope
    waiting = [pod for pod in step.pods if pod.state is PodRestartState.WAITING]
    if not waiting:
        return _all_restarted(draft, step)
    if not _replacements_ready(draft, step, observed):
        return _await_replacement(draft, step, observed)
    if verdict.scope is Scope.MAJORITY:
        message = f"{verdict.share}, so the failure is shared. No further pod is evicted. Check the backend."
        return draft.gate(Gate(GateKind.CAUSE, Reason.SHARED_FAILURE, message))
    at_fault = {pod.uid for pod in verdict.to_restart}
    affected = next((pod for pod in waiting if pod.uid in at_fault), None)
    gate = _still_suspect(assessment, verdict.unproven)
    if gate is None and affected is None:
        return _confirm_cleared(draft, waiting)
    chosen = affected or waiting[0]
    gate = (
        blocked_target(draft.policy, draft.remediation, observed, draft.now)
        or gate
        or too_many_at_once(draft.policy, draft.remediation, observed)
        or blocked_budget(draft.policy, draft.remediation, observed, draft.now)
        or blocked_disruption(draft.policy, observed, Action.RESTART_PODS, chosen.name)
    )
    if gate is not None:
        return draft.gate(gate)
    mark(step, chosen, state=PodRestartState.EVICTING, at=draft.now, intended_at=draft.now)
    terminating = terminating_pods(observed)
    draining = f" ({', '.join(terminating[:3])} still shutting down)" if terminating else ""
    message = f"All pods are ready again{draining} and {chosen.name} is still affected. The operator evicts it."
    intent = EvictPod(chosen.name, chosen.uid)
    return draft.act(Phase.ACTING, Action.RESTART_PODS, Reason.NEXT_AFFECTED_POD, message, intent, pods=(chosen.name,))


def _has_recovered(draft: Draft, pod: PodEntry) -> bool:
    """Tell whether every alert of a pod is proven to be over."""
    return all(entry.state == RESOLVED for entry in draft.status.alerts if entry.pod == pod.name)


def _confirm_cleared(draft: Draft, waiting: list[PodEntry]) -> Decision:
    names = ", ".join(pod.name for pod in waiting[:3])
    message = (
        f"The alert on {names} does not fire now. The operator waits until it fires again or is proven to be over."
    )
    return draft.wait(Phase.ACTING, Reason.CONFIRMING_CLEARED, message)


def _still_suspect(assessment: AlertAssessment, unproven: tuple[str, ...]) -> Gate | None:
    if assessment.signal is AlertSignal.SUPPRESSED:
        return Gate(
            GateKind.GUARD,
            Reason.ALERT_SUPPRESSED,
            "The alert is silenced, inhibited or muted. No further pod is evicted while that lasts.",
        )
    if unproven:
        message = (
            f"No unaffected pod has reached {', '.join(unproven)} since the failure started, so the "
            "backend may be at fault. No further pod is evicted. Check the backend."
        )
        return Gate(GateKind.CAUSE, Reason.NO_PEER_SUCCESS, message)
    return None


def _all_restarted(draft: Draft, step: StepEntry) -> Decision:
    evicted = [pod for pod in step.pods if pod.state is PodRestartState.EVICTED]
    if evicted:
        names = ", ".join(pod.name for pod in evicted)
        return accepted(
            draft,
            step,
            Reason.PODS_REPLACED,
            f"All affected pods were evicted: {names}. The operator waits for the alert to clear.",
        )
    step.result = StepResult.STOPPED
    step.finished_at = draft.now
    return start_verifying(
        draft, step, Reason.NOTHING_LEFT_TO_RESTART, "No pod of the step is affected any more. Nothing is evicted."
    )


def _replacements_ready(draft: Draft, step: StepEntry, observed: Observed) -> bool:
    """Tell whether the target has all its pods again; one that is shutting down counts as gone.

    A pod that was evicted and is listed as staying means that the list is old.
    """
    workload = observed.workload or Workload()
    evicted = {pod.uid for pod in step.pods if pod.state is PodRestartState.EVICTED}
    if not draft.dry_run and any(pod.uid in evicted and not pod.terminating for pod in workload.pods or ()):
        return False
    return workload.replicas is not None and len(ready_pods(observed)) >= workload.replicas


def _await_replacement(draft: Draft, step: StepEntry, observed: Observed) -> Decision:
    evicted = [pod for pod in step.pods if pod.state is PodRestartState.EVICTED]
    until = max((pod.at for pod in evicted if pod.at is not None), default=draft.now) + timeout_of(draft, step)
    if draft.now < until:
        message = "The replacement of the last evicted pod is not ready yet. The next pod waits for it."
        return draft.wait(Phase.ACTING, Reason.AWAITING_REPLACEMENT, message, wake_at=until)
    for pod in step.pods:
        if pod.state is PodRestartState.WAITING:
            mark(step, pod, state=PodRestartState.SKIPPED, at=draft.now)
    why = (observed.workload or Workload()).cannot_run
    step.message = (
        f"The replacement of an evicted pod did not become ready{f' ({why})' if why else ''}. The other pods are left "
        "alone. Check why it does not start."
    )
    return accepted(draft, step, Reason.REPLACEMENT_NOT_READY, step.message)


def _again(
    draft: Draft,
    step: StepEntry,
    observed: Observed,
    assessment: AlertAssessment,
    intent: EvictPod | RolloutRestart | Scale,
    pod: PodEntry | None = None,
) -> Decision:
    """Carry out an intent whose result is not known, unless the world has moved on."""
    if assessment.signal is AlertSignal.CLEARED:
        if pod is not None:
            mark(step, pod, state=PodRestartState.SKIPPED, at=draft.now)
        step.result = StepResult.STOPPED
        step.finished_at = draft.now
        message = "The alert cleared before the step was carried out. The step is not carried out."
        return start_verifying(draft, step, Reason.CLEARED_BEFORE_ACTING, message)
    if assessment.signal in {AlertSignal.CLEARING, AlertSignal.PENDING}:
        message = "The alert does not fire now. The step is repeated if it fires again, and dropped once it cleared."
        return draft.wait(draft.status.phase, Reason.CONFIRMING_CLEARED, message)
    verdict = judge_cause(observed, assessment, draft.status)
    draft.status.scope = verdict.scope or draft.status.scope
    if pod is not None and verdict.scope is Scope.MINORITY and pod.uid not in {item.uid for item in verdict.to_restart}:
        # The alert that fires is of another pod by now.
        mark(step, pod, state=PodRestartState.SKIPPED, at=draft.now)
        return _restart_next(draft, step, observed, assessment)
    unproven = verdict.unproven if pod is not None else ()
    gate = blocked_target(draft.policy, draft.remediation, observed, draft.now) or _still_suspect(assessment, unproven)
    if gate is None and pod is not None:
        gate = blocked_disruption(draft.policy, observed, Action.RESTART_PODS, pod.name)
    if gate is None and step.action is not Action.SCALE_OUT and verdict.scope is Scope.MAJORITY:
        gate = Gate(
            GateKind.CAUSE,
            Reason.SHARED_FAILURE,
            f"{verdict.share}, so the failure is shared. The step is not repeated. Check the backend.",
        )
    if gate is not None:
        return draft.gate(gate)
    draft.status.phase = Phase.ACTING
    return draft.repeat(
        Reason.RESUMED, "The step is recorded but not visible in the cluster. The operator repeats it.", intent
    )


def _scale(draft: Draft, step: StepEntry, observed: Observed, assessment: AlertAssessment) -> Decision:
    if step.scale_kind is None or step.scale_name is None or step.from_ is None or step.to is None:
        return draft.finish(
            Phase.HANDED_OVER,
            Reason.STATUS_DAMAGED,
            "The status does not say what to scale. Nothing more is done. Check the target, then clear the handover.",
        )
    number = current_scale(step.scale_kind, observed).number
    if number == step.to:
        return accepted(draft, step, Reason.ALREADY_CARRIED_OUT, f"{step.scale_name} is {step.to} already.")
    if number is None:
        message = (
            f"{step.scale_kind}/{step.scale_name} cannot be read. Waiting until it can. Check the operator's rights."
        )
        return draft.gate(Gate(GateKind.GUARD, Reason.AUTOSCALER_UNKNOWN, message))
    if not is_scaled_by_policy(step.scale_kind, step.scale_name, draft.policy.spec.target_ref, observed):
        return draft.finish(Phase.HANDED_OVER, Reason.STATUS_DAMAGED, foreign_scale(step))
    if number != step.from_:
        return target_changed(
            draft,
            step,
            f"{step.scale_name} is {number}, so someone else changed it. The operator leaves it and verifies.",
        )
    baseline = draft.status.baseline.replicas if draft.status.baseline else step.from_
    intent = Scale(step.scale_kind, step.scale_name, step.from_, step.to, baseline)
    return _again(draft, step, observed, assessment, intent)


def target_changed(draft: Draft, step: StepEntry, message: str) -> Decision:
    """Someone else changed the number first: keep theirs and verify whether it helps."""
    step.result = StepResult.TARGET_CHANGED
    step.finished_at = draft.now
    step.message = message
    return start_verifying(draft, step, Reason.TARGET_CHANGED, message)
