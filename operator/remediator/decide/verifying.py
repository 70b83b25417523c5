"""Whether a step worked: alert cleared, pods ready and rollout complete, throughout ``stableFor``, and proven."""

from remediator.api.policy import Action, Scope
from remediator.api.reasons import Reason
from remediator.api.remediation import GateKind, Phase, StepResult
from remediator.api.values import format_duration
from remediator.decide.alerts import AlertAssessment, AlertSignal
from remediator.decide.decision import Decision
from remediator.decide.draft import Draft
from remediator.decide.guards import Gate
from remediator.decide.observed import Observed, Workload
from remediator.decide.reverting import is_scaled_out, start_reverting
from remediator.decide.scope import ready_pods, terminating_pods
from remediator.decide.steps import take_next_step

_RESTARTS = {Action.RESTART_PODS, Action.ROLLOUT_RESTART}


def verify(draft: Draft, observed: Observed, assessment: AlertAssessment) -> Decision:
    """Judge the newest step, whose signals are all known."""
    status = draft.status
    prove_replacements(draft, observed)
    missing = _what_is_missing(observed, assessment)
    if missing is not None:
        status.stable_until = status.stable_restarts = None
        if status.verify_until is not None and draft.now < status.verify_until:
            return draft.wait(Phase.VERIFYING, *missing, wake_at=status.verify_until)
        return _not_in_time(draft, observed, assessment, missing)
    restarts = sum(pod.restarts for pod in ready_pods(observed))
    if status.stable_until is None or status.stable_restarts is None or restarts > status.stable_restarts:
        status.stable_until = draft.now + draft.policy.spec.verification.stable_for
    status.stable_restarts = restarts
    if draft.now < status.stable_until:
        return _stabilising(draft)
    if assessment.signal is AlertSignal.CLEARING:
        message = "The alert does not fire. The operator waits until later evaluations show that it cleared."
        return draft.wait(Phase.VERIFYING, Reason.CONFIRMING_CLEARED, message)
    return _succeed(draft)


def workload_holds(observed: Observed) -> bool:
    """Tell whether every desired pod is ready and no rollout is in progress."""
    workload = observed.workload or Workload()
    return bool(workload.replicas) and len(ready_pods(observed)) >= (workload.replicas or 0) and _rolled_out(workload)


def prove_replacements(draft: Draft, observed: Observed) -> None:
    """Set the condition ``Proven``: a new pod's breaker starts closed, so a restart always clears the alert.

    Only a successful call or probe of a replacement to the backend proves that the restart helped.
    """
    step = next((item for item in reversed(draft.status.steps) if item.action in _RESTARTS), None)
    if step is None:
        return
    backends = {entry.service_name for entry in draft.status.alerts if entry.service_name}
    if not observed.has_prometheus or not backends:
        message = "Without Prometheus or a service_name label, nothing shows whether a replacement reaches the backend."
        draft.condition("Proven", None, Reason.NO_EVIDENCE, message)
        return
    # The API server keeps the time of creation in whole seconds.
    since = step.started_at.replace(microsecond=0)
    fresh = [pod for pod in ready_pods(observed) if pod.created_at is not None and pod.created_at >= since]
    if any(backends <= {*(pod.last_success or {}), *(pod.successes or ())} for pod in fresh):
        message = "A replacement had a successful call to the backend."
        draft.condition("Proven", True, Reason.SUCCESSFUL_CALL, message)
        return
    # Once proven it stays so: traffic may pause.
    if any(condition.type == "Proven" and condition.status == "True" for condition in draft.status.conditions):
        return
    message = "No replacement has reached the backend yet, by a call or a probe: its closed breaker proves nothing."
    draft.condition("Proven", False, Reason.NO_CALL_YET, message)


def _rolled_out(workload: Workload) -> bool:
    return workload.rollout_complete is True


def _what_is_missing(observed: Observed, assessment: AlertAssessment) -> tuple[Reason, str] | None:
    if assessment.signal is AlertSignal.FIRING:
        return Reason.ALERT_STILL_FIRING, "The alert still fires."
    if assessment.signal is AlertSignal.SUPPRESSED:
        return Reason.ALERT_SUPPRESSED, "The alert is silenced, inhibited or muted, which is not cleared."
    if assessment.signal is AlertSignal.PENDING:
        return Reason.ALERT_PENDING, "Prometheus has the alert pending, so it is not cleared."
    if assessment.predecessors:
        pod = assessment.predecessors[0].pod
        return Reason.PREDECESSOR_ALERT, f"The alert of {pod}'s predecessor has not cleared yet."
    workload = observed.workload or Workload()
    if not _rolled_out(workload):
        return Reason.ROLLOUT_IN_PROGRESS, "The alert is cleared, but a rollout is in progress."
    if not workload_holds(observed):
        return Reason.PODS_NOT_READY, f"The alert is cleared, but {_not_ready(observed)}."
    return None


def _not_ready(observed: Observed) -> str:
    """Say which pods are missing, and why, where that is known."""
    workload = observed.workload or Workload()
    ready = ready_pods(observed)
    waiting = [pod.name for pod in workload.pods or () if not pod.ready and not pod.terminating]
    text = f"only {len(ready)} of {workload.replicas} pods are ready"
    if waiting:
        text += f" ({', '.join(waiting[:3])} not)"
    terminating = terminating_pods(observed)
    if terminating:
        text += f"; {', '.join(terminating[:3])} still shutting down"
    return f"{text}; {workload.cannot_run}" if workload.cannot_run else text


def _stabilising(draft: Draft) -> Decision:
    message = (
        "The alert is cleared, the pods are ready and the rollout is complete. The target must stay so "
        f"for {format_duration(draft.policy.spec.verification.stable_for)}."
    )
    return draft.wait(Phase.VERIFYING, Reason.STABILISING, message, wake_at=draft.status.stable_until)


def _not_in_time(
    draft: Draft, observed: Observed, assessment: AlertAssessment, missing: tuple[Reason, str]
) -> Decision:
    step = draft.status.current_step
    if step is not None and step.result in {StepResult.ACCEPTED, StepResult.IN_PROGRESS}:
        step.result = StepResult.NOT_CLEARED
        step.finished_at = draft.now
        step.message = missing[1]
        cannot_run = (observed.workload or Workload()).cannot_run
        if step.action is Action.SCALE_OUT and cannot_run and not workload_holds(observed):
            step.result = StepResult.BLOCKED
            step.message = f"The new pods cannot run: {cannot_run}."
    if step is not None and step.result is StepResult.BLOCKED and is_scaled_out(draft):
        return start_reverting(draft, Reason.SCALE_OUT_BLOCKED, f"{step.message} The operator reverts the scale-out.")
    if assessment.signal is AlertSignal.FIRING:
        return take_next_step(draft, observed, assessment)
    reason, message = missing
    return draft.gate(Gate(GateKind.GUARD, reason, f"{message} No step starts without a firing alert."))


def _succeed(draft: Draft) -> Decision:
    step = draft.status.current_step
    if step is not None and step.result is StepResult.ACCEPTED:
        step.result = StepResult.SUCCEEDED
        step.finished_at = draft.now
    draft.status.stable_until = None
    if is_scaled_out(draft):
        return start_reverting(draft)
    if draft.status.scope is Scope.MAJORITY and step is not None and step.action in _RESTARTS:
        message = "The shared failure ended and the target is stable. The actions taken were not the cause."
        return draft.finish(Phase.NOT_NEEDED, Reason.CLEARED_BY_ITSELF, message)
    proven = next((item for item in draft.status.conditions if item.type == "Proven"), None)
    if proven is not None and proven.status == "False":
        message = f"The alert stayed cleared and the pods ready. {proven.message} Check the replacement by a request."
        return draft.finish(Phase.UNPROVEN, Reason.UNPROVEN, message)
    return draft.finish(Phase.SUCCEEDED, Reason.RECOVERED, "The alert stayed cleared and the pods stayed ready.")
