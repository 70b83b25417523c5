"""An operator that is killed between two writes goes on from the status, and the action happens exactly once."""

import pytest

from remediator.api.remediation import Phase, PodState
from remediator.decide.decision import ActResult
from support.incident import Cluster, make_policy

SCALE_OUT = {"action": "ScaleOut", "when": "Majority", "by": 2, "max": 9}
STEPS = {
    "RestartPods": ({}, ["gw-0"], "RestartPods gw-0"),
    "RolloutRestart": ({"escalation": [{"action": "RolloutRestart"}]}, ["gw-0"], "RolloutRestart breaker-1/0"),
    "ScaleOut": ({"escalation": [SCALE_OUT]}, ["gw-0", "gw-1"], "ScaleOut Deployment 3->5"),
}


@pytest.fixture(params=STEPS, name="step")
def _step(request):
    spec, pods, action = STEPS[request.param]
    cluster = Cluster(make_policy(**spec))
    cluster.fire(*pods)
    cluster.run(30)
    return cluster, action


def test_killed_after_the_intent_was_written_it_acts_when_it_is_back(step):
    cluster, action = step
    cluster.killed_before_acting = True
    cluster.run(60)
    assert [item.split(" ", 1)[1] for item in cluster.actions] == [action]
    assert cluster.phase is Phase.VERIFYING


def test_killed_after_acting_it_sees_that_it_was_done(step):
    cluster, action = step
    cluster.killed_after_acting = True
    cluster.run(60)
    assert [item.split(" ", 1)[1] for item in cluster.actions] == [action]
    assert cluster.phase is Phase.VERIFYING


def test_killed_before_acting_while_the_alert_cleared_it_leaves_the_step_undone(step):
    cluster, _ = step
    cluster.killed_before_acting = True
    cluster.run(15)
    cluster.clear()
    cluster.run(600)
    assert cluster.actions == []
    assert cluster.phase is Phase.SUCCEEDED


def test_killed_before_acting_while_a_person_paused_it_waits(step):
    cluster, action = step
    cluster.killed_before_acting = True
    cluster.run(15)
    cluster.change(paused=True)
    cluster.run(600)
    assert cluster.actions == []
    cluster.change(paused=False)
    cluster.run(15)
    assert [item.split(" ", 1)[1] for item in cluster.actions] == [action]


def test_an_api_server_that_does_not_answer_is_asked_again_but_not_without_pause(step):
    cluster, action = step
    cluster.result_of = lambda _: ActResult.UNAVAILABLE
    cluster.run(120, step=1)
    tried = sum(1 for decision in cluster.decisions if decision.intent is not None)
    assert 1 < tried < 12
    cluster.result_of = lambda _: ActResult.ACCEPTED
    cluster.run(30)
    assert [item.split(" ", 1)[1] for item in cluster.actions] == [action]


def test_a_pod_that_is_terminating_already_is_not_evicted_again():
    cluster = Cluster(make_policy())
    cluster.fire("gw-0")
    cluster.run(30)
    cluster.killed_before_acting = True
    cluster.run(15)
    del cluster.pods["gw-0"]
    cluster.run(15)
    assert cluster.actions == []
    assert cluster.status.steps[0].pods[0].state is PodState.EVICTED
    assert cluster.phase is Phase.VERIFYING


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_taking_back(when):
    cluster = Cluster(make_policy(escalation=[SCALE_OUT]))
    cluster.fire("gw-0", "gw-1")
    cluster.run(45)
    cluster.clear()
    cluster.run(180)
    setattr(cluster, f"killed_{when}_acting", True)
    cluster.run(120)
    assert [item.split(" ", 1)[1] for item in cluster.actions] == [
        "ScaleOut Deployment 3->5",
        "Revert Deployment 5->3",
        "RemoveFieldOwnership",
    ]
    assert cluster.phase is Phase.SUCCEEDED


def test_a_revert_that_was_carried_out_while_the_alert_came_back_is_remembered():
    cluster = Cluster(make_policy(escalation=[SCALE_OUT, SCALE_OUT]))
    cluster.fire("gw-0", "gw-1", "gw-2")
    cluster.run(645)
    cluster.clear()
    cluster.run(180)
    cluster.killed_after_acting = True
    cluster.run(15)
    assert "Revert Deployment 7->5" in cluster.actions[-1]
    cluster.fire("gw-0", "gw-1", "gw-2")
    cluster.run(60)
    cluster.clear()
    cluster.run(900)
    assert cluster.workload.replicas == 3
    assert cluster.phase is Phase.SUCCEEDED
