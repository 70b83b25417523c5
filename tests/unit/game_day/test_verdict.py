"""What counts as a defect."""

from dataclasses import replace

import pytest

from game_day.expectations import EXPECTED
from game_day.faults import ALL
from game_day.model import Decision, Pair, Run, Step, Timeline, Users
from game_day.verdict import defects, taken

USERS = Users(1000, 50, 40, 80, 0, 0, 60, 20)
VICTIM = "gw-a"


def run(mode="Enforce", *, fault="cut-off", steps=(), reasons=("MinorityAffected",), affected=80, **changes):
    return Run(
        fault=fault,
        mode=mode,
        date="2026-03-02 10:00",
        victim=VICTIM,
        removed=300.0,
        ended=345.0,
        timeline=Timeline(30.0, 90.0, 140.0, 141.0, 150.0),
        users=replace(USERS, affected=affected),
        moments=[],
        decisions=[Decision(140.0, "Acting", "RestartPods", reason, "") for reason in reasons],
        steps=list(steps),
        phases=["Verifying"],
        replaced_pods=[],
        container_restarts=0,
        **changes,
    )


def restart(*pods, at=140.0, accepted=141.0):
    return Step(at, accepted, "RestartPods", list(pods or (VICTIM,)), "Accepted")


def pair(enforce, dry_run=None):
    return Pair(dry_run or run("DryRun", fault=enforce.fault, steps=enforce.steps, affected=300), enforce)


def test_every_fault_has_an_expectation_and_every_expectation_a_fault():
    assert {fault.name for fault in ALL} == set(EXPECTED)
    assert len({fault.name for fault in ALL}) == len(ALL)


def test_the_right_action_is_no_defect():
    assert defects(pair(run(steps=[restart()]))) == []


def test_a_dry_run_takes_nothing():
    assert taken(run("DryRun", steps=[restart()])) == []


def test_doing_nothing_is_a_defect_where_something_was_right():
    assert "Enforce took nothing, expected RestartPods" in defects(pair(run()))


def test_a_second_action_is_a_defect():
    found = defects(pair(run(steps=[restart(), Step(200.0, 201.0, "RolloutRestart", [], "Accepted")])))
    assert found == ["Enforce took RestartPods, RolloutRestart, expected RestartPods"]


def test_another_pod_than_the_victim_is_a_defect():
    assert defects(pair(run(steps=[restart("gw-b")]))) == ["restarted a pod that was not at fault: gw-b"]


def test_too_early_is_a_defect():
    early = run(fault="bad-image", steps=[restart()], reasons=("RolloutInProgress", "MinorityAffected"))
    assert defects(pair(early)) == ["acted after 140 s, expected not before 210 s"]


def test_an_action_on_a_shared_fault_is_a_defect():
    found = defects(pair(run(fault="backend-down", steps=[restart()], reasons=("SharedFault",))))
    assert "Enforce took RestartPods, expected nothing" in found


def test_a_reason_that_was_not_given_is_a_defect():
    assert defects(pair(run(fault="backend-down", reasons=()))) == ["never gave the reason SharedFault"]


@pytest.mark.parametrize(("affected", "worse"), [(340, False), (391, True)])
def test_worse_than_without_beyond_noise(affected, worse):
    found = defects(pair(run(steps=[restart()], affected=affected)))
    assert found == ([f"Enforce was worse: {affected} affected updates, DryRun 300"] if worse else [])


def test_lost_updates_and_double_writes_are_defects():
    lossy = replace(run(steps=[restart()]), users=replace(USERS, lost=2, repeated_writes=1))
    assert defects(pair(lossy)) == ["Enforce lost 2 updates", "Enforce did 1 writes twice"]


def test_a_dry_run_that_touches_something_is_a_defect():
    touched = replace(run("DryRun", steps=[restart()], affected=300), replaced_pods=[VICTIM])
    assert defects(pair(run(steps=[restart()]), touched)) == [f"DryRun replaced {VICTIM}"]


def test_a_fault_that_restarts_no_container_had_no_effect():
    enforce = run(fault="memory", reasons=())
    assert defects(pair(enforce)) == [
        f"{mode}: the fault had no effect, no container was restarted" for mode in ("DryRun", "Enforce")
    ]
    killed = replace(enforce, container_restarts=1)
    assert defects(pair(killed, replace(killed, mode="DryRun"))) == []
