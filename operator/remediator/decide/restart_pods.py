"""The action RestartPods: evict the pods that fail by themselves, one after the other."""

from remediator.api.limits import MAX_PODS_OF_A_STEP
from remediator.api.policy import Action, Scope
from remediator.api.reasons import Reason
from remediator.api.remediation import GateKind, Phase, PodEntry, PodRestartState, StepEntry, StepResult
from remediator.decide.acting import (
    accepted,
    judge_again,
    repeat,
    shared_failure,
    start,
    start_verifying,
    suppressed,
    timeout_of,
    without_alert,
)
from remediator.decide.alerts import RESOLVED, AlertAssessment, AlertSignal
from remediator.decide.decision import ActResult, Decision, EvictPod
from remediator.decide.draft import Draft
from remediator.decide.guards import Gate, blocked_budget, blocked_disruption, blocked_target, too_many_at_once
from remediator.decide.observed import Observed, ObservedPod, Workload
from remediator.decide.scope import CauseVerdict, ready_pods, terminating_pods


def start_restart(
    draft: Draft, observed: Observed, index: int, verdict: CauseVerdict, candidates: tuple[ObservedPod, ...]
) -> Decision:
    """Evict the first of the pods that fail by themselves."""
    pods = candidates[:MAX_PODS_OF_A_STEP]
    first = pods[0]
    gate = blocked_disruption(draft.policy, observed, Action.RESTART_PODS, first.name)
    if gate is not None:
        return draft.gate(gate)
    entries = [PodEntry(name=pod.name, uid=pod.uid) for pod in pods]
    entries[0] = entries[0].model_copy(
        update={"state": PodRestartState.EVICTING, "at": draft.now, "intended_at": draft.now}
    )
    start(draft, StepEntry(index=index, action=Action.RESTART_PODS, started_at=draft.now, pods=entries))
    message = f"{verdict.share} and the others are not. The operator evicts {first.name}."
    intent = EvictPod(first.name, first.uid)
    return draft.act(Phase.ACTING, Action.RESTART_PODS, Reason.MINORITY_AFFECTED, message, intent, pods=(first.name,))


def continue_restart(draft: Draft, step: StepEntry, observed: Observed, assessment: AlertAssessment) -> Decision:
    """Evict the next pod of a step, or go on with what a killed operator left unfinished."""
    if draft.dry_run:
        for pod in step.pods:
            if pod.state is PodRestartState.EVICTING:
                _mark(step, pod, state=PodRestartState.EVICTED, at=draft.now)
    staying = {pod.uid for pod in observed.pods if not pod.terminating}
    for pod in step.pods:
        if pod.state is PodRestartState.EVICTING and pod.uid not in staying:
            _mark(step, pod, state=PodRestartState.EVICTED, at=draft.now)
        elif pod.state is PodRestartState.WAITING and (pod.uid not in staying or _has_recovered(draft, pod)):
            _mark(step, pod, state=PodRestartState.SKIPPED, at=draft.now)
    in_progress = next((pod for pod in step.pods if pod.state is PodRestartState.EVICTING), None)
    if in_progress is not None:
        return _evict_again(draft, step, observed, assessment, in_progress)
    verdict = judge_again(draft, observed, assessment)
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
    gate = suppressed(assessment) or _no_peer_success(verdict)
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
    _mark(step, chosen, state=PodRestartState.EVICTING, at=draft.now, intended_at=draft.now)
    terminating = terminating_pods(observed)
    draining = f" ({', '.join(terminating[:3])} still shutting down)" if terminating else ""
    message = f"All pods are ready again{draining} and {chosen.name} is still affected. The operator evicts it."
    intent = EvictPod(chosen.name, chosen.uid)
    return draft.act(Phase.ACTING, Action.RESTART_PODS, Reason.NEXT_AFFECTED_POD, message, intent, pods=(chosen.name,))


def record_eviction(draft: Draft, step: StepEntry, intent: EvictPod, result: ActResult, message: str) -> Decision:
    """Write down what came of an eviction."""
    pod = next((entry for entry in step.pods if entry.uid == intent.uid), None)
    if pod is None:
        return draft.finish(
            Phase.HANDED_OVER,
            Reason.STATUS_DAMAGED,
            f"{intent.name} was evicted but is in no step of the status. Nothing more is done. Check the "
            "target, then clear the handover.",
        )
    if result is ActResult.BLOCKED:
        # Not an action: no pod was evicted, so it uses up no budget.
        _mark(step, pod, state=PodRestartState.WAITING, at=draft.now, intended_at=None)
        return draft.gate(Gate(GateKind.GUARD, Reason.DISRUPTION_BUDGET, message))
    # Another uid, or none: the pod that was meant is gone, which is what was wanted.
    _mark(step, pod, state=PodRestartState.EVICTED, at=draft.now)
    draft.status.gated_since = None
    if any(entry.state is PodRestartState.WAITING for entry in step.pods):
        return draft.wait(
            Phase.ACTING, Reason.EVICTED, f"{intent.name} was evicted. The other pods of the step follow."
        )
    return accepted(
        draft,
        step,
        Reason.EVICTED,
        f"{intent.name} was evicted. The operator waits for the alert to clear and the replacement to be ready.",
    )


def _mark(step: StepEntry, pod: PodEntry, **changes: object) -> None:
    """Replace one pod's entry in a step."""
    step.pods = [entry.model_copy(update=changes) if entry.uid == pod.uid else entry for entry in step.pods]


def _evict_again(
    draft: Draft, step: StepEntry, observed: Observed, assessment: AlertAssessment, pod: PodEntry
) -> Decision:
    """Repeat an eviction whose result is not known, unless the world has moved on."""
    if assessment.signal is AlertSignal.CLEARED:
        _mark(step, pod, state=PodRestartState.SKIPPED, at=draft.now)
    ended = without_alert(draft, step, assessment)
    if ended is not None:
        return ended
    verdict = judge_again(draft, observed, assessment)
    if verdict.scope is Scope.MINORITY and pod.uid not in {item.uid for item in verdict.to_restart}:
        # The alert that fires is of another pod by now.
        _mark(step, pod, state=PodRestartState.SKIPPED, at=draft.now)
        return continue_restart(draft, step, observed, assessment)
    gate = (
        _no_peer_success(verdict)
        or blocked_disruption(draft.policy, observed, Action.RESTART_PODS, pod.name)
        or shared_failure(verdict)
    )
    return repeat(draft, observed, assessment, gate, EvictPod(pod.name, pod.uid))


def _has_recovered(draft: Draft, pod: PodEntry) -> bool:
    """Tell whether every alert of a pod is proven to be over."""
    return all(entry.state == RESOLVED for entry in draft.status.alerts if entry.pod == pod.name)


def _confirm_cleared(draft: Draft, waiting: list[PodEntry]) -> Decision:
    names = ", ".join(pod.name for pod in waiting[:3])
    message = (
        f"The alert on {names} does not fire now. The operator waits until it fires again or is proven to be over."
    )
    return draft.wait(Phase.ACTING, Reason.CONFIRMING_CLEARED, message)


def _no_peer_success(verdict: CauseVerdict) -> Gate | None:
    if not verdict.unproven:
        return None
    message = (
        f"No unaffected pod has reached {', '.join(verdict.unproven)} since the failure started, so the "
        "backend may be at fault. No further pod is evicted. Check the backend."
    )
    return Gate(GateKind.CAUSE, Reason.NO_PEER_SUCCESS, message)


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
            _mark(step, pod, state=PodRestartState.SKIPPED, at=draft.now)
    why = (observed.workload or Workload()).cannot_run
    step.message = (
        f"The replacement of an evicted pod did not become ready{f' ({why})' if why else ''}. The other pods are left "
        "alone. Check why it does not start."
    )
    return accepted(draft, step, Reason.REPLACEMENT_NOT_READY, step.message)
