"""Scaling out and taking it back, with and without an autoscaler, and beside other people's changes."""

from dataclasses import replace

import pytest

from remediator.api.remediation import Phase, ScaleKind, StepResult
from remediator.decide.decision import ActResult, RemoveFieldOwnership, RevertScale
from remediator.decide.observed import Autoscaler
from support.incident import SimulatedTarget, make_policy

SCALE_OUT = {"action": "ScaleOut", "when": "Majority", "by": 2, "max": 9}


def _loaded(**spec):
    target = SimulatedTarget(make_policy(**{"escalation": [SCALE_OUT], **spec}))
    target.fire("gw-0", "gw-1", "gw-2")
    return target.run(45)


def test_load_scales_out_and_the_baseline_is_saved():
    target = _loaded()
    assert target.actions == ["45 ScaleOut Deployment 3->5"]
    assert target.status.baseline is not None
    assert target.status.baseline.replicas == 3


def test_without_a_step_for_load_a_majority_is_held():
    target = _loaded(escalation=[{"action": "RestartPods"}])
    assert target.actions == []


def test_after_the_stable_time_it_goes_back_to_the_baseline_and_the_field_is_released():
    target = _loaded()
    target.clear()
    target.run(300)
    assert target.actions == [
        "45 ScaleOut Deployment 3->5",
        "240 Revert Deployment 5->3",
        "240 RemoveFieldOwnership",
    ]
    assert target.phase is Phase.SUCCEEDED
    assert target.condition("Reverted") == "True"


def test_two_scale_outs_are_taken_back_one_by_one():
    target = _loaded(escalation=[SCALE_OUT, SCALE_OUT])
    target.run(600)
    assert target.actions[1] == "645 ScaleOut Deployment 5->7"
    target.clear()
    target.run(900)
    reverts = [item for item in target.done if isinstance(item.intent, RevertScale)]
    assert [(item.intent.from_, item.intent.to) for item in reverts] == [(7, 5), (5, 3)]
    assert (reverts[1].at - reverts[0].at).total_seconds() >= 180
    assert isinstance(target.done[-1].intent, RemoveFieldOwnership)
    assert target.phase is Phase.SUCCEEDED


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
    target = SimulatedTarget(make_policy(escalation=[SCALE_OUT]))
    target.change(autoscaler=Autoscaler(kind, "scaler", 2, 10))
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(45)
    assert target.actions == [f"45 ScaleOut {kind} 2->5"]
    assert target.status.steps[0].scale_name == "scaler"
    target.clear()
    target.run(300)
    assert target.actions[1] == f"240 Revert {kind} 5->2"
    assert target.phase is Phase.SUCCEEDED


def test_an_autoscaler_that_is_not_known_scales_nothing():
    target = SimulatedTarget(make_policy(escalation=[SCALE_OUT]))
    target.change(autoscaler=None)
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(60)
    assert target.actions == []
    assert target.status.reason == "AutoscalerUnknown"


def test_a_number_that_someone_else_changed_is_left_to_them():
    target = _loaded()
    target.clear()
    target.change(replicas=8, managers=frozenset({"helm"}), owned_fields=False)
    for index in range(3):
        target._add_replacement(f"more-{index}")
    target.run(300)
    assert not any(isinstance(item.intent, RevertScale) for item in target.done)
    assert target.phase is Phase.SUCCEEDED
    assert target.condition("Reverted") == "False"


def test_the_same_number_under_another_owner_is_left_to_them_too():
    target = _loaded()
    target.clear()
    target.change(managers=frozenset({"remediator", "helm"}))
    target.run(300)
    assert not any(isinstance(item.intent, RevertScale) for item in target.done)
    assert isinstance(target.done[-1].intent, RemoveFieldOwnership)
    assert target.condition("Reverted") == "False"


def test_a_change_between_intent_and_patch_is_recorded_and_verified():
    target = SimulatedTarget(make_policy(escalation=[SCALE_OUT]))
    target.result_of = lambda _: ActResult.TARGET_CHANGED
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(45)
    assert target.phase is Phase.VERIFYING
    assert target.status.steps[0].result is StepResult.TARGET_CHANGED
    target.clear()
    target.run(300)
    assert target.phase is Phase.SUCCEEDED
    assert len(target.status.steps) == 1


def test_an_alert_that_returns_while_reverting_stops_the_lowering():
    target = _loaded(escalation=[SCALE_OUT, SCALE_OUT])
    target.run(600)
    target.clear()
    target.run(240)
    assert target.phase is Phase.REVERTING
    lowered = len(target.done)
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(60)
    assert target.phase is Phase.VERIFYING
    assert "AlertReturned" in target.reasons
    target.clear()
    target.run(900)
    assert target.workload.replicas == 3
    assert len(target.done) > lowered
    assert target.phase is Phase.SUCCEEDED


def test_a_policy_without_revert_leaves_the_replicas():
    target = _loaded(revert={"enabled": False})
    target.clear()
    target.run(300)
    assert target.actions == ["45 ScaleOut Deployment 3->5"]
    assert target.phase is Phase.SUCCEEDED


def test_a_dry_run_takes_back_on_paper_too():
    target = _loaded(mode="DryRun")
    target.clear()
    target.run(300)
    assert target.actions == []
    assert [step.action for step in target.status.steps] == ["ScaleOut", "Revert"]
    assert target.status.outcome is Phase.SUCCEEDED


def test_a_revert_waits_while_a_person_paused_the_target():
    target = _loaded()
    target.clear()
    target.run(120)
    target.change(paused=True)
    target.run(3600)
    assert target.phase is Phase.REVERTING
    assert target.actions == ["45 ScaleOut Deployment 3->5"]
    target.workload = replace(target.workload, paused=False)
    target.run(15)
    assert "Revert Deployment 5->3" in target.actions[1]


def test_a_handover_says_that_the_scale_out_stays():
    target = _loaded()
    target.run(600)
    assert target.phase is Phase.HANDED_OVER
    assert target.status.message.endswith("The scale-out was not reverted: Deployment/gw had 3 before.")
    assert target.actions == ["45 ScaleOut Deployment 3->5"]


@pytest.mark.parametrize("cause", ["0/3 nodes are available: insufficient cpu", "exceeded quota: pods=5"])
def test_a_scale_out_whose_pods_cannot_run_is_reverted_and_the_cause_is_named(cause):
    target = _loaded()
    assert target.actions == ["45 ScaleOut Deployment 3->5"]
    for name in [name for name in target.pods if "+" in name]:
        target.pod_ready(name, ready=False)
    target.change(cannot_run=cause)
    target.run(300)
    assert "ScaleOutBlocked" in target.reasons
    target.run(300)
    assert target.actions[1] == "345 Revert Deployment 5->3"
    assert (target.phase, target.status.reason) == (Phase.HANDED_OVER, "ScaleOutBlocked")
    assert cause in target.status.message


def test_a_status_that_names_an_object_which_is_not_the_policys_scales_nothing():
    target = _loaded()
    status = target.status.model_copy(deep=True)
    status.steps[0].scale_name = "somebody-elses"
    status.steps[0].result = StepResult.IN_PROGRESS
    status.phase = Phase.ACTING
    target.remediations[0] = target.last.model_copy(update={"status": status})
    target.change(replicas=3)
    target.run(15)
    assert len(target.actions) == 1
    assert (target.phase, target.status.reason) == (Phase.HANDED_OVER, "StatusDamaged")
