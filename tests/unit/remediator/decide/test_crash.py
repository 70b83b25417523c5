"""An operator that is killed between two writes goes on from the status, and the action happens exactly once."""

import pytest

from remediator.api.remediation import Phase, PodRestartState
from remediator.decide.decision import ActResult
from support.incident import SimulatedTarget, make_policy

SCALE_OUT = {"action": "ScaleOut", "when": "Majority", "by": 2, "max": 9}
STEPS = {
    "RestartPods": ({}, ["gw-0"], "RestartPods gw-0"),
    "RolloutRestart": ({"escalation": [{"action": "RolloutRestart"}]}, ["gw-0"], "RolloutRestart breaker-1/0"),
    "ScaleOut": ({"escalation": [SCALE_OUT]}, ["gw-0", "gw-1"], "ScaleOut Deployment 3->5"),
}


@pytest.fixture(params=STEPS, name="step")
def _step(request):
    spec, pods, action = STEPS[request.param]
    target = SimulatedTarget(make_policy(**spec))
    target.fire(*pods)
    target.run(30)
    return target, action


def test_killed_after_the_intent_was_written_it_acts_when_it_is_back(step):
    target, action = step
    target.killed_before_acting = True
    target.run(60)
    assert [item.split(" ", 1)[1] for item in target.actions] == [action]
    assert target.phase is Phase.VERIFYING


def test_killed_after_acting_it_sees_that_it_was_done(step):
    target, action = step
    target.killed_after_acting = True
    target.run(60)
    assert [item.split(" ", 1)[1] for item in target.actions] == [action]
    assert target.phase is Phase.VERIFYING


def test_killed_before_acting_while_the_alert_cleared_it_leaves_the_step_undone(step):
    target, _ = step
    target.killed_before_acting = True
    target.run(15)
    target.clear()
    target.run(600)
    assert target.actions == []
    assert target.phase is Phase.SUCCEEDED


def test_killed_before_acting_while_a_person_paused_it_waits(step):
    target, action = step
    target.killed_before_acting = True
    target.run(15)
    target.change(paused=True)
    target.run(600)
    assert target.actions == []
    target.change(paused=False)
    target.run(15)
    assert [item.split(" ", 1)[1] for item in target.actions] == [action]


def test_an_api_server_that_does_not_answer_is_asked_again_but_not_without_pause(step):
    target, action = step
    target.result_of = lambda _: ActResult.UNAVAILABLE
    target.run(120, step=1)
    tried = sum(1 for decision in target.decisions if decision.intent is not None)
    assert 1 < tried < 12
    target.result_of = lambda _: ActResult.ACCEPTED
    target.run(30)
    assert [item.split(" ", 1)[1] for item in target.actions] == [action]


def test_a_pod_that_is_terminating_already_is_not_evicted_again():
    target = SimulatedTarget(make_policy())
    target.fire("gw-0")
    target.run(30)
    target.killed_before_acting = True
    target.run(15)
    del target.pods["gw-0"]
    target.run(15)
    assert target.actions == []
    assert target.status.steps[0].pods[0].state is PodRestartState.EVICTED
    assert target.phase is Phase.VERIFYING


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_taking_back(when):
    target = SimulatedTarget(make_policy(escalation=[SCALE_OUT]))
    target.fire("gw-0", "gw-1")
    target.run(45)
    target.clear()
    target.run(180)
    setattr(target, f"killed_{when}_acting", True)
    target.run(120)
    assert [item.split(" ", 1)[1] for item in target.actions] == [
        "ScaleOut Deployment 3->5",
        "Revert Deployment 5->3",
        "RemoveFieldOwnership",
    ]
    assert target.phase is Phase.SUCCEEDED


def test_a_revert_that_was_carried_out_while_the_alert_came_back_is_remembered():
    target = SimulatedTarget(make_policy(escalation=[SCALE_OUT, SCALE_OUT]))
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(645)
    target.clear()
    target.run(180)
    target.killed_after_acting = True
    target.run(15)
    assert "Revert Deployment 7->5" in target.actions[-1]
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(60)
    target.clear()
    target.run(900)
    assert target.workload.replicas == 3
    assert target.phase is Phase.SUCCEEDED
