"""The new status after an intent was carried out, or was not."""

from datetime import datetime

from remediator.api.policy import Policy
from remediator.api.reasons import Reason
from remediator.api.remediation import GateKind, Phase, Remediation, StepEntry, StepResult
from remediator.decide.acting import accepted
from remediator.decide.decision import ActResult, Decision, EvictPod, Intent, RemoveFieldOwnership, RevertScale, Scale
from remediator.decide.draft import Draft
from remediator.decide.guards import Gate
from remediator.decide.restart_pods import record_eviction
from remediator.decide.reverting import reverted
from remediator.decide.scale_out import target_changed

_TRY_AGAIN = {ActResult.UNAVAILABLE, ActResult.BLOCKED, ActResult.REFUSED}
_DONE = {ActResult.ACCEPTED, ActResult.ALREADY_DONE}


def record_result(
    policy: Policy, remediation: Remediation, intent: Intent, result: ActResult, message: str, now: datetime
) -> Decision:
    """Return the status after an intent; ``message`` is the API server's, for a person."""
    draft = Draft(policy, remediation, now)
    step = draft.status.current_step
    phase = draft.status.phase
    if result in _TRY_AGAIN:
        draft.back_off()
    if result is ActResult.UNAVAILABLE:
        text = f"The API server did not accept the action, and whether it was carried out is not known. {message}"
        return draft.gate(_refusal(Reason.API_SERVER_UNAVAILABLE, text), phase=phase)
    if result is ActResult.REFUSED:
        # Never a reason for another, larger action: hold, and hand over after the bound.
        text = f"The API server refuses the action. {message}"
        return draft.gate(_refusal(Reason.REFUSED, text), phase=phase)
    if isinstance(intent, RemoveFieldOwnership):
        if result not in _DONE:
            draft.back_off()
        return draft.wait(phase, Reason.FIELD_RELEASED if result in _DONE else Reason.FIELD_NOT_RELEASED, message)
    if step is None:
        return draft.finish(
            Phase.HANDED_OVER,
            Reason.STATUS_DAMAGED,
            "The status lacks the step of an action that was carried out. Nothing more is done. Check the "
            "target, then clear the handover.",
        )
    if isinstance(intent, EvictPod):
        return record_eviction(draft, step, intent, result, message)
    if result is ActResult.TARGET_GONE:
        step.result, step.finished_at, step.message = StepResult.STOPPED, now, message
        return draft.finish(Phase.FAILED, Reason.TARGET_GONE, f"The target does not exist any more. {message}")
    if result is ActResult.BLOCKED:
        return draft.gate(Gate(GateKind.GUARD, Reason.API_SERVER_BUSY, message), phase=phase)
    if isinstance(intent, RevertScale):
        return _lowered(draft, step, result, message)
    if result in _DONE:
        return accepted(draft, step, Reason.ACCEPTED, message)
    if isinstance(intent, Scale):
        return target_changed(draft, step, message)
    draft.back_off()
    return draft.wait(phase, Reason.CONFLICT, message)


def _refusal(reason: Reason, message: str) -> Gate:
    text = f"{message} The operator retries it and does nothing else. Check the refusing webhook, budget or right."
    return Gate(GateKind.GUARD, reason, text)


def _lowered(draft: Draft, step: StepEntry, result: ActResult, message: str) -> Decision:
    if result in _DONE:
        return reverted(draft, step)
    step.result, step.finished_at, step.message = StepResult.TARGET_CHANGED, draft.now, message
    return draft.wait(Phase.REVERTING, Reason.TARGET_CHANGED, message)
