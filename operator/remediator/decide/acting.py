"""What the actions have in common: how a step starts, is repeated, and is accepted.

An intent that is written down says what was to be done, not whether it was. So the world is looked at first, and
only what it does not show yet is carried out again.
"""

from datetime import timedelta

from remediator.api.policy import Scope
from remediator.api.reasons import Reason
from remediator.api.remediation import GateKind, Phase, StepEntry, StepResult
from remediator.decide.alerts import AlertAssessment, AlertSignal
from remediator.decide.decision import Decision, EvictPod, RolloutRestart, Scale
from remediator.decide.draft import Draft
from remediator.decide.guards import Gate, blocked_target
from remediator.decide.observed import Observed
from remediator.decide.scope import CauseVerdict, judge_cause


def start(draft: Draft, entry: StepEntry) -> None:
    """Write down a step that is to be carried out."""
    draft.add_step(entry)
    draft.status.next_step = entry.index + 1
    draft.status.verify_until = None
    draft.status.stable_until = None


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


def judge_again(draft: Draft, observed: Observed, assessment: AlertAssessment) -> CauseVerdict:
    """Apply the cause gate to a step that was started, and write down what it says."""
    verdict = judge_cause(observed, assessment, draft.status)
    draft.status.scope = verdict.scope or draft.status.scope
    return verdict


def without_alert(draft: Draft, step: StepEntry, assessment: AlertAssessment) -> Decision | None:
    """Return the decision about an intent whose result is not known and whose alert does not fire any more."""
    if assessment.signal is AlertSignal.CLEARED:
        step.result = StepResult.STOPPED
        step.finished_at = draft.now
        message = "The alert cleared before the step was carried out. The step is not carried out."
        return start_verifying(draft, step, Reason.CLEARED_BEFORE_ACTING, message)
    if assessment.signal in {AlertSignal.CLEARING, AlertSignal.PENDING}:
        message = "The alert does not fire now. The step is repeated if it fires again, and dropped once it cleared."
        return draft.wait(draft.status.phase, Reason.CONFIRMING_CLEARED, message)
    return None


def suppressed(assessment: AlertAssessment) -> Gate | None:
    """Return why a step stops where a person silenced or muted its alert."""
    if assessment.signal is not AlertSignal.SUPPRESSED:
        return None
    message = "The alert is silenced, inhibited or muted. No further pod is evicted while that lasts."
    return Gate(GateKind.GUARD, Reason.ALERT_SUPPRESSED, message)


def shared_failure(verdict: CauseVerdict) -> Gate | None:
    """Return why a restart is not repeated where the failure turned out to be shared."""
    if verdict.scope is not Scope.MAJORITY:
        return None
    message = f"{verdict.share}, so the failure is shared. The step is not repeated. Check the backend."
    return Gate(GateKind.CAUSE, Reason.SHARED_FAILURE, message)


def repeat(
    draft: Draft,
    observed: Observed,
    assessment: AlertAssessment,
    gate: Gate | None,
    intent: EvictPod | RolloutRestart | Scale,
) -> Decision:
    """Carry out an intent again, unless the target, a silence or the action's own ``gate`` forbids it."""
    gate = blocked_target(draft.policy, draft.remediation, observed, draft.now) or suppressed(assessment) or gate
    if gate is not None:
        return draft.gate(gate)
    draft.status.phase = Phase.ACTING
    return draft.repeat(
        Reason.RESUMED, "The step is recorded but not visible in the cluster. The operator repeats it.", intent
    )
