"""Each guard, one at a time: what it forbids, until when, and that it lets go."""

from datetime import timedelta

import pytest

from remediator.api.remediation import GateKind, Phase
from remediator.decide.observed import ABSENT, ActionRecord, Observed, OtherRemediation
from support.incident import START, Cluster, make_policy, other_remediation_name

SPENT = tuple(ActionRecord(START - timedelta(minutes=50 - index), other_remediation_name(index)) for index in range(3))


def _one_affected(pods=3, **spec):
    cluster = Cluster(make_policy(**spec), pods=pods)
    cluster.fire("gw-1")
    return cluster


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
    cluster = _one_affected()
    good = {name: getattr(cluster.workload, name) for name in changes}
    cluster.change(**changes)
    cluster.run(600)
    assert (cluster.phase, cluster.status.reason) == (Phase.GATED, reason)
    assert cluster.status.gate is GateKind.GUARD
    cluster.change(**good)
    cluster.run(15)
    assert len(cluster.actions) == 1

    lasting = _one_affected()
    lasting.change(**changes)
    lasting.run(45 + 1800)
    assert (lasting.phase, lasting.status.reason) == (Phase.HANDED_OVER, "GatedTooLong")
    assert lasting.actions == []


@pytest.mark.parametrize("desired", [4, 5])
def test_min_healthy_counts_as_it_would_be_after_the_eviction(desired):
    # 3 ready pods, one of them to go: 2 stay, and half of 5 rounds up to 3.
    cluster = _one_affected()
    cluster.change(replicas=desired)
    cluster.run(60)
    assert len(cluster.actions) == (1 if desired == 4 else 0)


@pytest.mark.parametrize(("value", "acts"), [(2, True), (3, False), ("66%", True), ("67%", False), ("0%", True)])
def test_min_healthy_as_a_number_and_as_a_percentage(value, acts):
    cluster = _one_affected(guards={"minHealthy": value})
    cluster.run(60)
    assert bool(cluster.actions) is acts


def test_without_a_disruption_budget_min_healthy_alone_decides():
    cluster = _one_affected()
    cluster.change(disruptions_allowed=ABSENT)
    cluster.run(60)
    assert len(cluster.actions) == 1


def test_a_budget_that_earlier_incidents_used_up_blocks_until_it_is_free_again():
    cluster = _one_affected()
    cluster.world = Observed(history=SPENT)
    cluster.run(60)
    assert cluster.status.reason == "BudgetExhausted"
    assert cluster.status.next_allowed_time == SPENT[0].at + timedelta(hours=1)
    cluster.run(600)
    assert len(cluster.actions) == 1


def test_every_eviction_counts_for_the_budget_and_the_rest_waits():
    cluster = Cluster(make_policy(guards={"budgets": [{"actions": 2, "per": "1h"}]}), pods=8)
    cluster.fire("gw-1", "gw-2", "gw-3")
    cluster.run(300)
    assert len(cluster.actions) == 2
    assert cluster.status.reason == "BudgetExhausted"


def test_the_cooldown_after_an_earlier_incident_holds():
    cluster = _one_affected()
    cluster.world = Observed(history=(ActionRecord(START - timedelta(minutes=5), other_remediation_name(1)),))
    cluster.run(60)
    assert cluster.status.reason == "Cooldown"
    assert cluster.status.next_allowed_time == START + timedelta(minutes=5)
    cluster.run(240)
    assert cluster.actions == ["300 RestartPods gw-1"]


def test_a_quiet_window_blocks():
    window = {"from": "09:00", "to": "10:10", "days": ["Mon"]}
    cluster = _one_affected(guards={"quietWindows": [window]})
    cluster.run(300)
    assert cluster.status.reason == "QuietWindow"
    cluster.run(300)
    assert cluster.actions == ["600 RestartPods gw-1"]


@pytest.mark.parametrize("how", ["target", "policy"])
def test_a_pause_holds_without_a_limit_and_lets_go(how):
    cluster = _one_affected()
    cluster.run(15)
    if how == "target":
        cluster.change(paused=True)
    else:
        cluster.policy = make_policy(mode="Paused")
    cluster.run(3 * 3600, step=60)
    assert (cluster.phase, cluster.status.reason) == (Phase.GATED, "Paused")
    cluster.change(paused=False)
    cluster.policy = make_policy()
    cluster.run(15)
    assert len(cluster.actions) == 1


@pytest.mark.parametrize(
    ("changes", "spec"), [({"paused": True}, {}), ({}, {"mode": "Paused"}), ({"allowed": False}, {})]
)
def test_nothing_is_opened_on_a_paused_target_or_one_that_did_not_opt_in(changes, spec):
    cluster = _one_affected(**spec)
    cluster.change(**changes)
    cluster.run(600)
    assert cluster.remediations == []


def test_an_opt_in_that_is_taken_back_stops_the_incident():
    cluster = _one_affected()
    cluster.run(15)
    cluster.change(allowed=False)
    cluster.run(600)
    assert cluster.actions == []
    assert cluster.status.reason == "NotOptedIn"


def _other(*, age, same_target, has_acted=False, dry_run=False):
    return OtherRemediation(other_remediation_name(1), START - timedelta(seconds=age), same_target, has_acted, dry_run)


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
    cluster = _one_affected()
    cluster.world = Observed(others=(_other(age=60, same_target=True, has_acted=True, dry_run=True),))
    cluster.run(60)
    assert len(cluster.actions) == 1


def test_no_more_than_max_concurrent_are_at_work():
    cluster = _one_affected()
    cluster.world = Observed(others=(_other(age=60, same_target=False, has_acted=True),))
    cluster.run(3600, step=60)
    assert (cluster.phase, cluster.status.reason) == (Phase.GATED, "MaxConcurrent")
    two = _one_affected(maxConcurrent=2)
    two.world = cluster.world
    two.run(60)
    assert len(two.actions) == 1


def test_a_held_outage_elsewhere_does_not_use_up_max_concurrent():
    cluster = _one_affected()
    cluster.world = Observed(others=(_other(age=60, same_target=False),))
    cluster.run(60)
    assert len(cluster.actions) == 1


def test_a_rollout_restart_respects_what_a_rollout_takes_away():
    spec = {"escalation": [{"action": "RolloutRestart"}]}
    cluster = _one_affected(**spec)
    cluster.change(max_unavailable=2)
    cluster.run(60)
    assert cluster.status.reason == "MinHealthy"
    cluster.change(max_unavailable=1)
    cluster.run(15)
    assert len(cluster.actions) == 1
