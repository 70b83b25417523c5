"""The action RolloutRestart: replace every pod of the target by a rollout."""

from remediator.api.policy import Action
from remediator.api.reasons import Reason
from remediator.api.remediation import Phase, StepEntry
from remediator.decide.acting import accepted, judge_again, repeat, shared_failure, start, without_alert
from remediator.decide.alerts import AlertAssessment
from remediator.decide.decision import Decision, RolloutRestart
from remediator.decide.draft import Draft
from remediator.decide.guards import blocked_disruption
from remediator.decide.observed import Observed, Workload
from remediator.decide.scope import CauseVerdict


def start_rollout(draft: Draft, observed: Observed, index: int, verdict: CauseVerdict) -> Decision:
    """Restart the rollout, which replaces every pod."""
    gate = blocked_disruption(draft.policy, observed, Action.ROLLOUT_RESTART)
    if gate is not None:
        return draft.gate(gate)
    # With its uid: the names begin anew with a policy that was deleted and created again, and so would the markers.
    value = f"{draft.remediation.name}/{index}" + (f"/{draft.remediation.uid}" if draft.remediation.uid else "")
    start(draft, StepEntry(index=index, action=Action.ROLLOUT_RESTART, started_at=draft.now, restarted_for=value))
    message = f"{verdict.share}. The operator restarts the rollout, which replaces every pod."
    return draft.act(Phase.ACTING, Action.ROLLOUT_RESTART, Reason.MINORITY_AFFECTED, message, RolloutRestart(value))


def continue_rollout(draft: Draft, step: StepEntry, observed: Observed, assessment: AlertAssessment) -> Decision:
    """Repeat a restart that the target does not show, unless the world has moved on."""
    workload = observed.workload or Workload()
    if step.restarted_for is not None and workload.restarted_for == step.restarted_for:
        return accepted(draft, step, Reason.ALREADY_CARRIED_OUT, "The rollout was restarted already.")
    ended = without_alert(draft, step, assessment)
    if ended is not None:
        return ended
    gate = shared_failure(judge_again(draft, observed, assessment))
    return repeat(draft, observed, assessment, gate, RolloutRestart(step.restarted_for or ""))
