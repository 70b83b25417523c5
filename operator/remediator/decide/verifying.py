"""Whether a step worked: alert cleared, pods ready and rollout complete, and for how long."""

from remediator.api.policy import Action
from remediator.api.reasons import Reason
from remediator.api.remediation import GateKind, Phase, StepResult
from remediator.api.values import format_duration
from remediator.decide.alerts import AlertAssessment, AlertSignal
from remediator.decide.decision import Decision
from remediator.decide.draft import Draft
from remediator.decide.guards import Gate
from remediator.decide.observed import Observed, Workload
from remediator.decide.reverting import is_scaled_out, start_reverting
from remediator.decide.scope import ready_pods
from remediator.decide.steps import take_next_step


def verify(draft: Draft, observed: Observed, assessment: AlertAssessment) -> Decision:
    """Judge the newest step, whose signals are all known."""
    status = draft.status
    prove_replacements(draft, observed)
    if status.stable_until is not None and assessment.signal is AlertSignal.CLEARED:
        if draft.now >= status.stable_until:
            return _succeed(draft)
        return _stabilising(draft)
    status.stable_until = None
    missing = _what_is_missing(observed, assessment)
    if missing is None:
        status.stable_until = draft.now + draft.policy.spec.verification.stable_for
        status.cleared_at = status.cleared_at or draft.now
        return _stabilising(draft)
    if status.verify_until is not None and draft.now < status.verify_until:
        return draft.wait(Phase.VERIFYING, *missing, wake_at=status.verify_until)
    return _not_in_time(draft, observed, assessment, missing)


def workload_holds(observed: Observed) -> bool:
    """Tell whether every desired pod is ready and no rollout is under way."""
    workload = observed.workload or Workload()
    return workload.replicas is not None and len(ready_pods(observed)) >= workload.replicas and _rolled_out(workload)


def prove_replacements(draft: Draft, observed: Observed) -> None:
    """Set the condition ``Proven``: a fresh pod's breaker starts closed, so a restart always clears the alert.

    Only a successful call of a replacement to the backend proves that the restart helped.
    """
    step = draft.status.current_step
    if step is None or step.action not in {Action.RESTART_PODS, Action.ROLLOUT_RESTART}:
        return
    backends = {entry.service_name for entry in draft.status.alerts if entry.service_name}
    if not observed.has_prometheus or not backends:
        message = "Without Prometheus or a service_name label, nothing shows whether a replacement reaches the backend."
        draft.condition("Proven", None, Reason.NO_EVIDENCE, message)
        return
    # The API server keeps the time of creation in whole seconds.
    since = step.started_at.replace(microsecond=0)
    fresh = [pod for pod in ready_pods(observed) if pod.created_at is not None and pod.created_at >= since]
    if any(backends <= (pod.successes or frozenset()) for pod in fresh):
        draft.condition("Proven", True, Reason.SUCCESSFUL_CALL, "A replacement had a successful call to the backend.")
        return
    # Once proven it stays so: traffic may pause.
    if any(condition.type == "Proven" and condition.status == "True" for condition in draft.status.conditions):
        return
    message = (
        "No replacement has had a successful call to the backend yet: its breaker is closed, which proves nothing."
    )
    draft.condition("Proven", False, Reason.NO_CALL_YET, message)


def _rolled_out(workload: Workload) -> bool:
    return workload.rollout_complete is True


def _what_is_missing(observed: Observed, assessment: AlertAssessment) -> tuple[Reason, str] | None:
    if assessment.signal is AlertSignal.FIRING:
        return Reason.ALERT_STILL_FIRING, "The alert still fires."
    if assessment.signal is AlertSignal.SUPPRESSED:
        return Reason.ALERT_SUPPRESSED, "The alert is silenced or inhibited, which is not cleared."
    workload = observed.workload or Workload()
    if not _rolled_out(workload):
        return Reason.ROLLOUT_IN_PROGRESS, "The alert is cleared, but a rollout is in progress."
    if not workload_holds(observed):
        ready = len(ready_pods(observed))
        return Reason.PODS_NOT_READY, f"The alert is cleared, but only {ready} of {workload.replicas} pods are ready."
    return None


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
    proven = next((item for item in draft.status.conditions if item.type == "Proven"), None)
    doubt = f" {proven.message}" if proven is not None and proven.status == "False" else ""
    return draft.finish(Phase.SUCCEEDED, Reason.RECOVERED, f"The alert stayed cleared and the pods ready.{doubt}")
