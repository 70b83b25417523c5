"""Each guard, one at a time: what it forbids, until when, and that it lets go."""

from datetime import timedelta

import pytest

from remediator.api.remediation import GateKind, Phase
from remediator.decide.guards import is_acting
from remediator.decide.observed import ABSENT, ActionRecord, Observed, OtherRemediation
from support.incident import START, SimulatedTarget, make_policy, other_remediation_name

SPENT = tuple(ActionRecord(START - timedelta(minutes=50 - index), other_remediation_name(index)) for index in range(3))


def _one_affected(pods=3, **spec):
    target = SimulatedTarget(make_policy(**spec), pods=pods)
    target.fire("gw-1")
    return target


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rollout_complete": False}, "RolloutInProgress"),
        ({"rollout_complete": None}, "RolloutUnknown"),
        ({"disruptions_allowed": 0}, "DisruptionBudget"),
        ({"disruptions_allowed": None}, "DisruptionBudgetUnknown"),
        ({"paused": None}, "PauseUnknown"),
    ],
)
def test_a_guard_blocks_lets_go_and_hands_over_when_it_lasts(changes, reason):
    target = _one_affected()
    good = {name: getattr(target.workload, name) for name in changes}
    target.change(**changes)
    target.run(600)
    assert (target.phase, target.status.reason) == (Phase.GATED, reason)
    assert target.status.gate is GateKind.GUARD
    target.change(**good)
    target.run(15)
    assert len(target.actions) == 1

    lasting = _one_affected()
    lasting.change(**changes)
    lasting.run(45 + 1800)
    assert (lasting.phase, lasting.status.reason) == (Phase.HANDED_OVER, "GatedTooLong")
    assert lasting.actions == []


@pytest.mark.parametrize("desired", [4, 5])
def test_min_healthy_counts_as_it_would_be_after_the_eviction(desired):
    # 3 ready pods, one of them to go: 2 stay, and half of 5 rounds up to 3.
    target = _one_affected()
    target.change(replicas=desired)
    target.run(60)
    assert len(target.actions) == (1 if desired == 4 else 0)


@pytest.mark.parametrize(("value", "acts"), [(2, True), (3, False), ("66%", True), ("67%", False), ("0%", True)])
def test_min_healthy_as_a_number_and_as_a_percentage(value, acts):
    target = _one_affected(guards={"minHealthy": value})
    target.run(60)
    assert bool(target.actions) is acts


def test_without_a_disruption_budget_min_healthy_alone_decides():
    target = _one_affected()
    target.change(disruptions_allowed=ABSENT)
    target.run(60)
    assert len(target.actions) == 1


def test_a_budget_that_earlier_incidents_used_up_blocks_until_it_is_free_again():
    target = _one_affected()
    target.world = Observed(history=SPENT)
    target.run(60)
    assert target.status.reason == "BudgetExhausted"
    assert target.status.next_allowed_time == SPENT[0].at + timedelta(hours=1)
    target.run(600)
    assert len(target.actions) == 1


def test_every_eviction_counts_for_the_budget_and_the_rest_waits():
    target = SimulatedTarget(make_policy(guards={"budgets": [{"actions": 2, "per": "1h"}]}), pods=8)
    target.fire("gw-1", "gw-2", "gw-3")
    target.run(300)
    assert len(target.actions) == 2
    assert target.status.reason == "BudgetExhausted"


def test_the_cooldown_after_an_earlier_incident_holds():
    target = _one_affected()
    target.world = Observed(history=(ActionRecord(START - timedelta(minutes=5), other_remediation_name(1)),))
    target.run(60)
    assert target.status.reason == "Cooldown"
    assert target.status.next_allowed_time == START + timedelta(minutes=5)
    target.run(240)
    assert target.actions == ["300 RestartPods gw-1"]


def test_a_quiet_window_blocks():
    window = {"from": "09:00", "to": "10:10", "days": ["Mon"]}
    target = _one_affected(guards={"quietWindows": [window]})
    target.run(300)
    assert target.status.reason == "QuietWindow"
    target.run(300)
    assert target.actions == ["600 RestartPods gw-1"]


@pytest.mark.parametrize("how", ["target", "policy"])
def test_a_pause_holds_without_a_limit_and_lets_go(how):
    target = _one_affected()
    target.run(15)
    if how == "target":
        target.change(paused=True)
    else:
        target.policy = make_policy(mode="Paused")
    target.run(3 * 3600, step=60)
    assert (target.phase, target.status.reason) == (Phase.GATED, "Paused")
    target.change(paused=False)
    target.policy = make_policy()
    target.run(15)
    assert len(target.actions) == 1


@pytest.mark.parametrize(
    ("changes", "spec"), [({"paused": True}, {}), ({}, {"mode": "Paused"}), ({"allowed": False}, {})]
)
def test_nothing_is_opened_on_a_paused_target_or_one_that_did_not_opt_in(changes, spec):
    target = _one_affected(**spec)
    target.change(**changes)
    target.run(600)
    assert target.remediations == []


def test_an_opt_in_that_is_taken_back_stops_the_incident():
    target = _one_affected()
    target.run(15)
    target.change(allowed=False)
    target.run(600)
    assert target.actions == []
    assert target.status.reason == "NotOptedIn"


def _other(*, age, same_target, is_acting=False, dry_run=False, is_held=False):
    created = START - timedelta(seconds=age)
    return OtherRemediation(
        other_remediation_name(1), created, same_target, is_acting, is_held=is_held, dry_run=dry_run
    )


def test_the_younger_of_two_on_one_target_waits_and_the_older_goes_on():
    younger = _one_affected()
    younger.world = Observed(others=(_other(age=60, same_target=True),))
    younger.run(3600, step=60)
    assert (younger.phase, younger.status.reason) == (Phase.PENDING, "OlderRemediationFirst")
    older = _one_affected()
    older.world = Observed(others=(_other(age=-60, same_target=True),))
    older.run(60)
    assert len(older.actions) == 1


def test_a_trial_of_another_policy_does_not_hold_up_the_real_thing():
    target = _one_affected()
    target.world = Observed(others=(_other(age=60, same_target=True, is_acting=True, dry_run=True),))
    target.run(60)
    assert len(target.actions) == 1


def test_no_more_than_max_concurrent_are_at_work():
    target = _one_affected()
    target.world = Observed(others=(_other(age=60, same_target=False, is_acting=True),))
    target.run(3600, step=60)
    assert (target.phase, target.status.reason) == (Phase.GATED, "MaxConcurrent")
    two = _one_affected(maxConcurrent=2)
    two.world = target.world
    two.run(60)
    assert len(two.actions) == 1


def test_a_held_outage_elsewhere_does_not_use_up_max_concurrent():
    target = _one_affected()
    target.world = Observed(others=(_other(age=60, same_target=False),))
    target.run(60)
    assert len(target.actions) == 1


def test_a_remediation_that_acted_and_is_held_by_a_shared_failure_holds_no_slot():
    """Another policy waited with MaxConcurrent for hours while the first one only waited for an outage to end."""
    held = SimulatedTarget(make_policy(), pods=4)
    held.fire("gw-0", "gw-1")
    held.run(45)
    held.fire("gw-2", "gw-3")
    held.run(120)
    assert held.phase is Phase.GATED
    assert len(held.actions) == 1
    assert not is_acting(held.last)


def test_a_revert_that_a_person_pauses_holds_no_slot_and_gets_it_back():
    scale_out = {"action": "ScaleOut", "when": "Majority", "by": 2, "max": 9}
    target = SimulatedTarget(make_policy(escalation=[scale_out, scale_out]), pods=3)
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(645)
    target.clear()
    target.run(195)
    assert target.phase is Phase.REVERTING
    assert is_acting(target.last)
    target.change(paused=True)
    target.run(3600, step=60)
    assert (target.phase, target.status.reason) == (Phase.REVERTING, "Paused")
    assert not is_acting(target.last)
    target.change(paused=False)
    target.run(15)
    assert target.status.gate is None
    target.run(600)
    assert target.phase is Phase.SUCCEEDED


def test_a_held_remediation_of_the_same_target_is_not_waited_for_and_waits_itself_for_one_that_acts():
    younger = _one_affected()
    younger.world = Observed(others=(_other(age=60, same_target=True, is_held=True),))
    younger.run(60)
    assert len(younger.actions) == 1
    older = _one_affected()
    older.world = Observed(others=(_other(age=-60, same_target=True, is_acting=True),))
    older.run(600)
    assert (older.actions, older.status.reason) == ([], "OlderRemediationFirst")


def test_a_quiet_window_suspends_the_handover_clock_and_says_when_it_ends():
    window = {"from": "10:10", "to": "12:00"}
    target = _one_affected(guards={"quietWindows": [window], "minHealthy": "100%"})
    target.run(3600, step=60)
    assert (target.phase, target.status.reason) == (Phase.GATED, "QuietWindow")
    assert "12:00 UTC" in target.status.message
    target.run(3600 + 600, step=60)
    assert target.status.reason == "MinHealthy"
    target.run(1800, step=60)
    assert (target.phase, target.status.reason) == (Phase.HANDED_OVER, "GatedTooLong")


def test_a_revert_that_a_quiet_window_interrupts_goes_on_afterwards():
    spec = {
        "escalation": [{"action": "ScaleOut", "when": "Majority", "by": 2, "max": 9}],
        "guards": {"quietWindows": [{"from": "10:03", "to": "14:00"}]},
    }
    target = SimulatedTarget(make_policy(**spec))
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(60)
    target.clear()
    target.run(3 * 3600, step=60)
    assert (target.phase, target.status.reason) == (Phase.REVERTING, "QuietWindow")
    target.run(2 * 3600, step=60)
    assert target.phase is Phase.SUCCEEDED
    assert any("Revert" in action for action in target.actions)


def test_a_rollout_restart_respects_what_a_rollout_takes_away():
    spec = {"escalation": [{"action": "RolloutRestart"}]}
    target = _one_affected(**spec)
    target.change(max_unavailable=2)
    target.run(60)
    assert target.status.reason == "MinHealthy"
    target.change(max_unavailable=1)
    target.run(15)
    assert len(target.actions) == 1
