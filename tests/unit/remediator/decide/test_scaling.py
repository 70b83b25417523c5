"""Scaling out and taking it back, with and without an autoscaler, and beside other people's changes."""

from dataclasses import replace

import pytest

from remediator.api.remediation import Phase, ScaleKind, StepResult
from remediator.decide.decision import ActResult, RemoveFieldOwnership, Revert
from remediator.decide.observed import Autoscaler
from support.incident import Cluster, make_policy

SCALE_OUT = {"action": "ScaleOut", "when": "Majority", "by": 2, "max": 9}


def _loaded(**spec):
    cluster = Cluster(make_policy(**{"escalation": [SCALE_OUT], **spec}))
    cluster.fire("gw-0", "gw-1", "gw-2")
    return cluster.run(45)


def test_load_scales_out_and_the_baseline_is_saved():
    cluster = _loaded()
    assert cluster.actions == ["45 ScaleOut Deployment 3->5"]
    assert cluster.status.baseline is not None
    assert cluster.status.baseline.replicas == 3


def test_without_a_step_for_load_a_majority_is_held():
    cluster = _loaded(escalation=[{"action": "RestartPods"}])
    assert cluster.actions == []


def test_after_the_stable_time_it_goes_back_to_the_baseline_and_the_field_is_released():
    cluster = _loaded()
    cluster.clear()
    cluster.run(300)
    assert cluster.actions == [
        "45 ScaleOut Deployment 3->5",
        "240 Revert Deployment 5->3",
        "240 RemoveFieldOwnership",
    ]
    assert cluster.phase is Phase.SUCCEEDED
    assert cluster.condition("Reverted") == "True"


def test_two_scale_outs_are_taken_back_one_by_one():
    cluster = _loaded(escalation=[SCALE_OUT, SCALE_OUT])
    cluster.run(600)
    assert cluster.actions[1] == "645 ScaleOut Deployment 5->7"
    cluster.clear()
    cluster.run(900)
    reverts = [item for item in cluster.done if isinstance(item.intent, Revert)]
    assert [(item.intent.from_, item.intent.to) for item in reverts] == [(7, 5), (5, 3)]
    assert (reverts[1].at - reverts[0].at).total_seconds() >= 180
    assert isinstance(cluster.done[-1].intent, RemoveFieldOwnership)
    assert cluster.phase is Phase.SUCCEEDED


def test_the_limit_of_the_step_and_of_the_guards_hold():
    assert _loaded(escalation=[{**SCALE_OUT, "max": 4}]).actions == ["45 ScaleOut Deployment 3->4"]
    assert _loaded(guards={"maxReplicas": 4}, escalation=[{**SCALE_OUT, "max": 4}]).actions == [
        "45 ScaleOut Deployment 3->4"
    ]
    full = _loaded(escalation=[{**SCALE_OUT, "max": 3}])
    assert full.actions == []
    assert full.status.reason == "MaxReplicas"


@pytest.mark.parametrize("kind", [ScaleKind.HORIZONTAL_POD_AUTOSCALER, ScaleKind.SCALED_OBJECT])
def test_an_autoscaler_has_its_minimum_raised_and_lowered(kind):
    cluster = Cluster(make_policy(escalation=[SCALE_OUT]))
    cluster.change(autoscaler=Autoscaler(kind, "scaler", 2, 10))
    cluster.fire("gw-0", "gw-1", "gw-2")
    cluster.run(45)
    assert cluster.actions == [f"45 ScaleOut {kind} 2->5"]
    assert cluster.status.steps[0].scale_name == "scaler"
    cluster.clear()
    cluster.run(300)
    assert cluster.actions[1] == f"240 Revert {kind} 5->2"
    assert cluster.phase is Phase.SUCCEEDED


def test_an_autoscaler_that_is_not_known_scales_nothing():
    cluster = Cluster(make_policy(escalation=[SCALE_OUT]))
    cluster.change(autoscaler=None)
    cluster.fire("gw-0", "gw-1", "gw-2")
    cluster.run(60)
    assert cluster.actions == []
    assert cluster.status.reason == "AutoscalerUnknown"


def test_a_number_that_someone_else_changed_is_left_to_them():
    cluster = _loaded()
    cluster.clear()
    cluster.change(replicas=8, managers=frozenset({"helm"}), owned_fields=False)
    for index in range(3):
        cluster._add_replacement(f"more-{index}")
    cluster.run(300)
    assert not any(isinstance(item.intent, Revert) for item in cluster.done)
    assert cluster.phase is Phase.SUCCEEDED
    assert cluster.condition("Reverted") == "False"


def test_the_same_number_under_another_owner_is_left_to_them_too():
    cluster = _loaded()
    cluster.clear()
    cluster.change(managers=frozenset({"remediator", "helm"}))
    cluster.run(300)
    assert not any(isinstance(item.intent, Revert) for item in cluster.done)
    assert isinstance(cluster.done[-1].intent, RemoveFieldOwnership)
    assert cluster.condition("Reverted") == "False"


def test_a_change_between_intent_and_patch_is_recorded_and_verified():
    cluster = Cluster(make_policy(escalation=[SCALE_OUT]))
    cluster.result_of = lambda _: ActResult.TARGET_CHANGED
    cluster.fire("gw-0", "gw-1", "gw-2")
    cluster.run(45)
    assert cluster.phase is Phase.VERIFYING
    assert cluster.status.steps[0].result is StepResult.TARGET_CHANGED
    cluster.clear()
    cluster.run(300)
    assert cluster.phase is Phase.SUCCEEDED
    assert len(cluster.status.steps) == 1


def test_an_alert_that_returns_while_reverting_stops_the_lowering():
    cluster = _loaded(escalation=[SCALE_OUT, SCALE_OUT])
    cluster.run(600)
    cluster.clear()
    cluster.run(240)
    assert cluster.phase is Phase.REVERTING
    lowered = len(cluster.done)
    cluster.fire("gw-0", "gw-1", "gw-2")
    cluster.run(60)
    assert cluster.phase is Phase.VERIFYING
    assert "AlertReturned" in cluster.reasons
    cluster.clear()
    cluster.run(900)
    assert cluster.workload.replicas == 3
    assert len(cluster.done) > lowered
    assert cluster.phase is Phase.SUCCEEDED


def test_a_policy_without_revert_leaves_the_replicas():
    cluster = _loaded(revert={"enabled": False})
    cluster.clear()
    cluster.run(300)
    assert cluster.actions == ["45 ScaleOut Deployment 3->5"]
    assert cluster.phase is Phase.SUCCEEDED


def test_a_dry_run_takes_back_on_paper_too():
    cluster = _loaded(mode="DryRun")
    cluster.clear()
    cluster.run(300)
    assert cluster.actions == []
    assert [step.action for step in cluster.status.steps] == ["ScaleOut", "Revert"]
    assert cluster.status.outcome is Phase.SUCCEEDED


def test_a_revert_waits_while_a_person_paused_the_target():
    cluster = _loaded()
    cluster.clear()
    cluster.run(120)
    cluster.change(paused=True)
    cluster.run(3600)
    assert cluster.phase is Phase.REVERTING
    assert cluster.actions == ["45 ScaleOut Deployment 3->5"]
    cluster.workload = replace(cluster.workload, paused=False)
    cluster.run(15)
    assert "Revert Deployment 5->3" in cluster.actions[1]


def test_a_handover_says_that_the_scale_out_stays():
    cluster = _loaded()
    cluster.run(600)
    assert cluster.phase is Phase.HANDED_OVER
    assert cluster.status.message.endswith("The scale-out stays: Deployment/gw had 3 before.")
    assert cluster.actions == ["45 ScaleOut Deployment 3->5"]
