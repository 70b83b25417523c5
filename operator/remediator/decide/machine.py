"""``decide``: what is next in a running remediation."""

from dataclasses import replace
from datetime import datetime

from remediator.api.policy import Mode, Policy
from remediator.api.reasons import Reason
from remediator.api.remediation import GateKind, Phase, Remediation, StepResult
from remediator.decide.alerts import AlertAssessment, AlertSignal, assess_alerts
from remediator.decide.decision import Decision
from remediator.decide.draft import Draft
from remediator.decide.guards import Gate, waits_for_older
from remediator.decide.observed import Observed
from remediator.decide.reverting import is_scaled_out, revert, start_reverting
from remediator.decide.scope import forget_shared_failure, judge_cause, remember_affected, settled_by_evidence
from remediator.decide.steps import continue_step, take_next_step
from remediator.decide.verifying import verify, workload_holds

_CLEARED_REASON = {
    AlertSignal.FIRING: Reason.FIRING,
    AlertSignal.SUPPRESSED: Reason.SUPPRESSED,
    AlertSignal.CLEARED: Reason.CLEARED,
    AlertSignal.CLEARING: Reason.CONFIRMING_CLEARED,
    AlertSignal.PENDING: Reason.ALERT_PENDING,
}


def decide(policy: Policy, remediation: Remediation, observed: Observed, now: datetime) -> Decision:
    """Return what to do next about a remediation that is not terminal.

    One call makes at most one transition, so that each is persisted; call again while the decision ``changed``.
    A terminal remediation stays as it is.
    """
    draft = Draft(policy, remediation, now)
    if remediation.status.phase.terminal:
        status = draft.status
        return Decision(status, changed=False, announce=False, phase=status.phase, reason=status.reason, message="")
    observed = observed.without_stale_samples()
    assessment = assess_alerts(policy, observed, now, draft.status)
    return replace(_decide(draft, observed, assessment), ignored=assessment.ignored)


def _decide(draft: Draft, observed: Observed, assessment: AlertAssessment) -> Decision:
    if observed.target_gone:
        target = draft.policy.spec.target_ref
        return draft.finish(
            Phase.FAILED, Reason.TARGET_GONE, f"{target} does not exist any more. The remediation ends."
        )
    if draft.dry_run and draft.policy.spec.mode is Mode.ENFORCE:
        return draft.finish(
            Phase.NOT_NEEDED, Reason.POLICY_ENFORCES, "The policy was changed to Enforce. The dry run ends."
        )
    draft.bound_clocks(observed.settling)
    _set_conditions(draft, observed, assessment)
    if assessment.signal is AlertSignal.UNKNOWN:
        remember_affected(draft.status, observed, assessment)
        return _hold_unknown(draft, assessment)
    _resume_clocks(draft)
    draft.record_alerts(assessment, observed)
    if observed.workload is not None and observed.workload.replicas == 0:
        return _scaled_to_zero(draft)
    affected = remember_affected(draft.status, observed, assessment)
    forget_shared_failure(draft.status, observed, affected, draft.now, draft.policy.spec.guards.recovery_delay)
    if assessment.signal is AlertSignal.CLEARED:
        draft.status.cleared_at = draft.status.cleared_at or draft.absent_since
    else:
        draft.status.cleared_at = None
    unproven = _unproven_for_too_long(draft, assessment)
    if unproven is not None:
        return unproven
    retry = draft.wait_to_retry()
    if retry is not None:
        return retry
    phase = draft.status.phase
    if phase is Phase.VERIFYING:
        return verify(draft, observed, assessment)
    if phase is Phase.REVERTING:
        return revert(draft, observed, assessment)
    if phase is Phase.ACTING:
        return _continue(draft, observed, assessment)
    if phase is Phase.GATED:
        return _gated(draft, observed, assessment)
    return _before_acting(draft, observed, assessment)


def _scaled_to_zero(draft: Draft) -> Decision:
    target = draft.policy.spec.target_ref
    message = f"{target} was scaled to 0 replicas by someone else, so nothing can be verified. The remediation ends."
    return draft.finish(Phase.NOT_NEEDED, Reason.SCALED_TO_ZERO, message)


def _hold_unknown(draft: Draft, assessment: AlertAssessment) -> Decision:
    """Nothing is known: hold the state, stop the clocks, and give up when it lasts."""
    draft.status.unknown_since = draft.status.unknown_since or draft.now
    until = draft.status.unknown_since + draft.policy.spec.handover.unknown_for
    if draft.now >= until:
        return draft.finish(Phase.HANDED_OVER, Reason.UNKNOWN_TOO_LONG, assessment.unknown_message)
    return draft.wait(draft.status.phase, assessment.unknown_reason, assessment.unknown_message, wake_at=until)


def _resume_clocks(draft: Draft) -> None:
    since = draft.status.unknown_since
    if since is not None:
        draft.shift_clocks(draft.now - since)
        draft.status.unknown_since = None


def _unproven_for_too_long(draft: Draft, assessment: AlertAssessment) -> Decision | None:
    """End an incident whose alert is gone and never proven to be over, such as that of a pod that is not scraped."""
    spec = draft.policy.spec
    until = draft.absent_since + spec.guards.recovery_delay + spec.handover.unknown_for
    not_proven = assessment.signal in {AlertSignal.CLEARING, AlertSignal.PENDING} and not assessment.predecessors
    if not not_proven or draft.now < until or draft.status.phase is Phase.REVERTING:
        return None
    if is_scaled_out(draft):
        return start_reverting(draft)
    message = "The alert does not fire, and nothing proves that it cleared. Check whether Prometheus scrapes the pods."
    return draft.finish(Phase.UNPROVEN, Reason.UNPROVEN, message)


def _set_conditions(draft: Draft, observed: Observed, assessment: AlertAssessment) -> None:
    known = assessment.signal is not AlertSignal.UNKNOWN
    reason, message = assessment.unknown_reason, assessment.unknown_message
    draft.condition("Signals", observed.alertmanager_up and observed.prometheus_up, reason, message)
    cleared = assessment.signal is AlertSignal.CLEARED if known else None
    draft.condition("Cleared", cleared, _CLEARED_REASON.get(assessment.signal, reason), message)
    ready = workload_holds(observed) if known else None
    draft.condition("Ready", ready, Reason.PODS_AND_ROLLOUT if known else reason, "" if known else message)


def _before_acting(draft: Draft, observed: Observed, assessment: AlertAssessment) -> Decision:
    """Pending and Settling: wait until every pod had time to report the same failure."""
    ended = _cleared_by_itself(draft, assessment)
    if ended is not None:
        return ended
    status = draft.status
    status.first_alert_at = status.first_alert_at or draft.now
    status.settling_until = status.settling_until or status.first_alert_at + observed.settling
    message = "An alert fires. The operator waits until all pods had time to report the same failure."
    if status.phase is Phase.PENDING:
        older = waits_for_older(draft.remediation, observed)
        if older is not None:
            return draft.wait(Phase.PENDING, older.reason, older.message)
        return draft.wait(Phase.SETTLING, Reason.SETTLING, message, wake_at=status.settling_until)
    if not _has_settled(draft, observed, assessment):
        return draft.wait(Phase.SETTLING, Reason.SETTLING, message, wake_at=status.settling_until)
    if assessment.signal is AlertSignal.FIRING:
        return take_next_step(draft, observed, assessment)
    return _wait_for_alert(draft, assessment)


def _has_settled(draft: Draft, observed: Observed, assessment: AlertAssessment) -> bool:
    """Tell whether the wait is over: by evidence, or by its upper bound and one poll after it."""
    status, polled = draft.status, observed.alerts_read_at
    if polled is None or status.settling_until is None or status.first_alert_at is None:
        return False
    if draft.now >= status.settling_until and polled >= status.settling_until:
        return True
    if assessment.signal is not AlertSignal.FIRING or polled < status.first_alert_at:
        return False
    if not settled_by_evidence(observed, judge_cause(observed, assessment, status), status.alert_name):
        return False
    status.settling_until = draft.now
    return True


def _cleared_by_itself(draft: Draft, assessment: AlertAssessment) -> Decision | None:
    if assessment.signal is not AlertSignal.CLEARED or draft.status.cleared_at is None:
        return None
    until = draft.status.cleared_at + draft.policy.spec.guards.recovery_delay
    if draft.now < until:
        return None
    if is_scaled_out(draft):
        return start_reverting(draft)
    return draft.finish(
        Phase.NOT_NEEDED,
        Reason.CLEARED_BY_ITSELF,
        "The alert cleared without any action and stayed cleared. Nothing was needed.",
    )


def _wait_for_alert(draft: Draft, assessment: AlertAssessment) -> Decision:
    phase = draft.status.phase
    if assessment.signal is AlertSignal.SUPPRESSED:
        message = "The alert is silenced, inhibited or muted. Nothing is started while that lasts."
        return draft.wait(phase, Reason.ALERT_SUPPRESSED, message)
    if assessment.signal is AlertSignal.PENDING:
        message = "Prometheus has the alert pending. The operator waits until it fires or clears."
        return draft.wait(phase, Reason.ALERT_PENDING, message)
    if assessment.predecessors:
        message = f"The alert on {assessment.predecessors[0].pod} is that of its predecessor. Waiting for it to clear."
        return draft.wait(phase, Reason.PREDECESSOR_ALERT, message)
    until = draft.absent_since + draft.policy.spec.guards.recovery_delay
    message = "The alert does not fire now. The incident ends if it stays cleared."
    return draft.wait(phase, Reason.ALERT_CLEARED, message, wake_at=until)


def _continue(draft: Draft, observed: Observed, assessment: AlertAssessment) -> Decision:
    step = draft.status.current_step
    if step is None:
        return draft.finish(
            Phase.HANDED_OVER,
            Reason.STATUS_DAMAGED,
            "The phase is Acting, but the status has no step. Nothing more is done. Check the target, then "
            "clear the handover.",
        )
    return continue_step(draft, step, observed, assessment)


def _gated(draft: Draft, observed: Observed, assessment: AlertAssessment) -> Decision:
    step = draft.status.current_step
    if step is not None and step.result is StepResult.IN_PROGRESS:
        return continue_step(draft, step, observed, assessment)
    if assessment.signal is AlertSignal.FIRING:
        return take_next_step(draft, observed, assessment)
    if draft.has_acted:
        return verify(draft, observed, assessment)
    ended = _cleared_by_itself(draft, assessment)
    if ended is not None:
        return ended
    if assessment.signal is AlertSignal.SUPPRESSED and draft.status.gate is GateKind.GUARD:
        message = "The alert is silenced or inhibited. Nothing is started while that lasts."
        return draft.gate(Gate(GateKind.GUARD, Reason.ALERT_SUPPRESSED, message))
    return _wait_for_alert(draft, assessment)
