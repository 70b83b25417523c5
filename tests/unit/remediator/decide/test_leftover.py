"""A scale-out whose Remediation went with its policy: the note on the target is read back and the number goes back."""

from dataclasses import replace

import pytest

from remediator.api.remediation import Phase, ScaleKind, StepResult
from remediator.decide.decision import Revert, Scale
from remediator.decide.ledger import has_begun
from remediator.decide.observed import ABSENT, Autoscaler, SavedBaseline
from remediator.decide.opening import open_remediation
from support.incident import Cluster, make_policy

SCALE_OUT = {"action": "ScaleOut", "when": "Majority", "by": 2, "max": 9}


def _orphaned(**spec):
    """Scale out from 3 to 5; then the alert ends and the policy is deleted, its Remediations with it, and made anew."""
    cluster = Cluster(make_policy(escalation=[SCALE_OUT], **spec))
    cluster.fire("gw-0", "gw-1", "gw-2")
    cluster.run(60)
    assert cluster.actions == ["45 ScaleOut Deployment 3->5"]
    cluster.clear()
    cluster.remediations.clear()
    cluster.done.clear()
    return cluster


def test_scale_out_that_was_left_behind_goes_back_once_the_target_holds():
    cluster = _orphaned()
    cluster.run(15)
    assert cluster.phase is Phase.VERIFYING
    assert cluster.status.reason == "Stabilising"
    assert "ScaleOutLeftBehind" in [entry.reason for entry in cluster.status.decisions]
    cluster.run(165)
    assert cluster.actions == ["240 Revert Deployment 5->3", "240 RemoveFieldOwnership"]
    assert cluster.phase is Phase.SUCCEEDED
    assert cluster.status.reason == "Reverted"
    cluster.run(3600, step=60)
    assert len(cluster.remediations) == 1


def test_step_that_was_taken_over_counts_when_it_was_done_and_not_as_an_action_of_this_one():
    cluster = _orphaned()
    cluster.settle()
    (step,) = cluster.status.steps
    assert step.result is StepResult.ACCEPTED
    assert (step.from_, step.to) == (3, 5)
    assert step.started_at == cluster.workload.baseline.noted_at
    assert not has_begun(cluster.last)


def test_alert_that_fires_begins_an_ordinary_incident_that_takes_the_scale_out_over():
    cluster = _orphaned(guards={"cooldown": "10m"})
    cluster.fire("gw-0", "gw-1", "gw-2", *(name for name in cluster.pods if "+" in name))
    cluster.run(600)
    assert [step.result for step in cluster.status.steps] == [StepResult.ACCEPTED, StepResult.ACCEPTED]
    # The cooldown counts from the scale-out of the deleted policy: 45 s after the start of the test.
    assert cluster.actions == ["645 ScaleOut Deployment 5->7"]
    cluster.clear()
    cluster.run(900)
    reverts = [(item.intent.from_, item.intent.to) for item in cluster.done if isinstance(item.intent, Revert)]
    assert reverts == [(7, 5), (5, 3)]
    assert cluster.phase is Phase.SUCCEEDED


def test_incident_that_ends_by_itself_takes_back_what_it_took_over():
    cluster = _orphaned()
    cluster.fire("gw-0")
    cluster.run(30)
    cluster.clear()
    cluster.run(900)
    assert cluster.actions[0].endswith("Revert Deployment 5->3")
    assert cluster.phase is Phase.SUCCEEDED
    assert cluster.workload.replicas == 3


def test_alert_that_returns_before_the_lowering_stops_it():
    cluster = _orphaned()
    cluster.run(60)
    cluster.fire("gw-0", "gw-1", "gw-2", *(name for name in cluster.pods if "+" in name))
    cluster.run(240)
    assert not any(isinstance(item.intent, Revert) for item in cluster.done)


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
    cluster = _orphaned()
    cluster.change(**changes)
    cluster.run(600, step=60)
    assert cluster.remediations == []
    assert cluster.done == []


@pytest.mark.parametrize("spec", [{"mode": "DryRun"}, {"mode": "Paused"}, {"revert": {"enabled": False}}])
def test_policy_that_does_not_take_back_leaves_it(spec):
    cluster = _orphaned()
    cluster.policy = make_policy(escalation=[SCALE_OUT], **spec)
    cluster.run(600, step=60)
    assert cluster.remediations == []


def test_nothing_begins_while_it_is_not_known_whether_an_alert_fires():
    cluster = _orphaned()
    cluster.world = replace(cluster.world, prometheus_up=False)
    cluster.run(600, step=60)
    assert cluster.remediations == []


def test_scale_out_that_a_remediation_answers_for_is_not_taken_over():
    cluster = Cluster(make_policy(escalation=[SCALE_OUT]))
    cluster.fire("gw-0", "gw-1", "gw-2")
    cluster.run(60)
    other = make_policy(escalation=[SCALE_OUT]).model_copy(update={"name": "other"})
    cluster.clear()
    assert open_remediation(other, cluster.remediations, cluster.observe(), cluster.now).remediation is None
    # One that a person took over keeps its number too.
    cluster.fire("gw-0", "gw-1", "gw-2")
    cluster.run(1200)
    assert cluster.phase is Phase.HANDED_OVER
    cluster.clear()
    cluster.remediations[-1] = cluster.last.model_copy(update={"cleared_by_annotation": "anna"})
    cluster.run(600, step=60)
    assert len(cluster.remediations) == 1
    assert cluster.workload.replicas == 5


def test_minimum_of_an_autoscaler_goes_back_too_but_only_that_of_the_same_name():
    cluster = Cluster(make_policy(escalation=[SCALE_OUT]))
    scaler = Autoscaler(ScaleKind.HORIZONTAL_POD_AUTOSCALER, "scaler", 2, 10)
    cluster.change(autoscaler=scaler)
    cluster.fire("gw-0", "gw-1", "gw-2")
    cluster.run(60)
    assert isinstance(cluster.done[0].intent, Scale)
    cluster.clear()
    cluster.remediations.clear()
    raised = cluster.workload.autoscaler
    cluster.change(autoscaler=replace(raised, name="another"))
    cluster.run(60)
    assert cluster.remediations == []
    cluster.change(autoscaler=raised)
    cluster.run(300)
    assert cluster.actions[1].endswith("Revert HorizontalPodAutoscaler 5->2")
    assert isinstance(cluster.workload.baseline, type(ABSENT))
    assert not isinstance(cluster.workload.baseline, SavedBaseline)
