"""A scale-out whose Remediation went with its policy: the note on the target is read back and the number goes back."""

from dataclasses import replace

import pytest

from remediator.api.remediation import Phase, ScaleKind, StepResult
from remediator.decide.action_history import acted_itself
from remediator.decide.decision import RevertScale, Scale
from remediator.decide.observed import ABSENT, Autoscaler, SavedBaseline
from remediator.decide.opening import open_remediation
from support.incident import SimulatedTarget, make_policy

SCALE_OUT = {"action": "ScaleOut", "when": "Majority", "by": 2, "max": 9}


def _orphaned(**spec):
    """Scale out from 3 to 5; then the alert ends and the policy is deleted, its Remediations with it, and made anew."""
    target = SimulatedTarget(make_policy(escalation=[SCALE_OUT], **spec))
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(60)
    assert target.actions == ["45 ScaleOut Deployment 3->5"]
    target.clear()
    target.remediations.clear()
    target.done.clear()
    return target


def test_scale_out_that_was_left_behind_goes_back_once_the_target_holds():
    target = _orphaned()
    target.run(15)
    assert target.phase is Phase.VERIFYING
    assert target.status.reason == "Stabilising"
    assert "ScaleOutLeftBehind" in [entry.reason for entry in target.status.decisions]
    target.run(165)
    assert target.actions == ["240 Revert Deployment 5->3", "240 RemoveFieldOwnership"]
    assert target.phase is Phase.SUCCEEDED
    assert target.status.reason == "Reverted"
    target.run(3600, step=60)
    assert len(target.remediations) == 1


def test_step_that_was_taken_over_counts_when_it_was_done_and_not_as_an_action_of_this_one():
    target = _orphaned()
    target.settle()
    (step,) = target.status.steps
    assert step.result is StepResult.ACCEPTED
    assert (step.from_, step.to) == (3, 5)
    assert step.started_at == target.workload.baseline.noted_at
    assert not acted_itself(target.last)


def test_alert_that_fires_begins_an_ordinary_incident_that_takes_the_scale_out_over():
    target = _orphaned(guards={"cooldown": "10m"})
    target.fire("gw-0", "gw-1", "gw-2", *(name for name in target.pods if "+" in name))
    target.run(600)
    assert [step.result for step in target.status.steps] == [StepResult.ACCEPTED, StepResult.ACCEPTED]
    # The cooldown counts from the scale-out of the deleted policy: 45 s after the start of the test.
    assert target.actions == ["645 ScaleOut Deployment 5->7"]
    target.clear()
    target.run(900)
    reverts = [(item.intent.from_, item.intent.to) for item in target.done if isinstance(item.intent, RevertScale)]
    assert reverts == [(7, 5), (5, 3)]
    assert target.phase is Phase.SUCCEEDED


def test_incident_that_ends_by_itself_takes_back_what_it_took_over():
    target = _orphaned()
    target.fire("gw-0")
    target.run(30)
    target.clear()
    target.run(900)
    assert target.actions[0].endswith("Revert Deployment 5->3")
    assert target.phase is Phase.SUCCEEDED
    assert target.workload.replicas == 3


def test_alert_that_returns_before_the_lowering_stops_it():
    target = _orphaned()
    target.run(60)
    target.fire("gw-0", "gw-1", "gw-2", *(name for name in target.pods if "+" in name))
    target.run(240)
    assert not any(isinstance(item.intent, RevertScale) for item in target.done)


@pytest.mark.parametrize(
    "changes",
    [
        {"managers": frozenset({"helm"})},
        {"managers": frozenset({"remediator", "helm"})},
        {"managers": None},
        {"baseline": None},
        {"baseline": ABSENT},
        {"replicas": 3},
        {"replicas": None},
        {"allowed": False},
        {"paused": True},
    ],
)
def test_what_is_not_ours_or_not_allowed_is_left_alone(changes):
    target = _orphaned()
    target.change(**changes)
    target.run(600, step=60)
    assert target.remediations == []
    assert target.done == []


@pytest.mark.parametrize("spec", [{"mode": "DryRun"}, {"mode": "Paused"}, {"revert": {"enabled": False}}])
def test_policy_that_does_not_take_back_leaves_it(spec):
    target = _orphaned()
    target.policy = make_policy(escalation=[SCALE_OUT], **spec)
    target.run(600, step=60)
    assert target.remediations == []


def test_nothing_begins_while_it_is_not_known_whether_an_alert_fires():
    target = _orphaned()
    target.world = replace(target.world, prometheus_up=False)
    target.run(600, step=60)
    assert target.remediations == []


def test_scale_out_that_a_remediation_answers_for_is_not_taken_over():
    target = SimulatedTarget(make_policy(escalation=[SCALE_OUT]))
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(60)
    other = make_policy(escalation=[SCALE_OUT]).model_copy(update={"name": "other"})
    target.clear()
    assert open_remediation(other, target.remediations, target.observe(), target.now).remediation is None
    # One that a person took over keeps its number too.
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(1200)
    assert target.phase is Phase.HANDED_OVER
    target.clear()
    target.remediations[-1] = target.last.model_copy(update={"cleared_by_annotation": "anna"})
    target.run(600, step=60)
    assert len(target.remediations) == 1
    assert target.workload.replicas == 5


def test_minimum_of_an_autoscaler_goes_back_too_but_only_that_of_the_same_name():
    target = SimulatedTarget(make_policy(escalation=[SCALE_OUT]))
    scaler = Autoscaler(ScaleKind.HORIZONTAL_POD_AUTOSCALER, "scaler", 2, 10)
    target.change(autoscaler=scaler)
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(60)
    assert isinstance(target.done[0].intent, Scale)
    target.clear()
    target.remediations.clear()
    raised = target.workload.autoscaler
    target.change(autoscaler=replace(raised, name="another"))
    target.run(60)
    assert target.remediations == []
    target.change(autoscaler=raised)
    target.run(300)
    assert target.actions[1].endswith("Revert HorizontalPodAutoscaler 5->2")
    assert isinstance(target.workload.baseline, type(ABSENT))
    assert not isinstance(target.workload.baseline, SavedBaseline)
