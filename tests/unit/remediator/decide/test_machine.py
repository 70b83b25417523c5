"""The way of an incident from its first alert to its end."""

from remediator.api.limits import MAX_ALERTS, MAX_DECISIONS
from remediator.api.policy import Mode
from remediator.api.remediation import GateKind, Phase, StepResult
from remediator.decide.decision import ActResult, EvictPod
from support.incident import START, Cluster, make_policy


def test_one_pod_of_three_is_replaced_after_settling_and_the_incident_succeeds():
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(30)
    assert cluster.phase is Phase.SETTLING
    assert cluster.actions == []
    cluster.run(15)
    assert cluster.actions == ["45 RestartPods gw-1"]
    cluster.run(195)
    assert cluster.phase is Phase.SUCCEEDED
    step = cluster.status.steps[0]
    assert step.result is StepResult.SUCCEEDED
    assert (step.started_at - START).total_seconds() == 45
    assert [pod.name for pod in step.pods] == ["gw-1"]


def test_settling_needs_a_poll_after_its_end():
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(40, step=40)
    cluster.now = START.replace(second=50)
    stale = cluster.observe()
    decision = cluster.decider(
        cluster.policy, cluster.last, type(stale)(**{**_fields(stale), "alerts_read_at": START}), cluster.now
    )
    assert decision.phase is Phase.SETTLING
    assert decision.intent is None


def _fields(observed):
    return {name: getattr(observed, name) for name in observed.__dataclass_fields__}


def test_an_alert_that_ends_while_settling_is_not_needed_after_the_recovery_delay_only():
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(30)
    cluster.clear()
    cluster.run(585)
    assert cluster.phase is Phase.SETTLING
    cluster.run(30)
    assert cluster.phase is Phase.NOT_NEEDED
    assert cluster.actions == []


def test_a_flapping_alert_stays_in_one_incident_and_does_not_restart_the_settling():
    cluster = Cluster(make_policy())
    for _ in range(3):
        cluster.fire("gw-1")
        cluster.run(8, step=8)
        cluster.clear()
        cluster.run(8, step=8)
    cluster.fire("gw-1")
    cluster.run(1, step=1)
    assert len(cluster.remediations) == 1
    assert cluster.actions == ["48 RestartPods gw-1"]


def test_a_shared_outage_is_held_for_hours_and_ends_with_the_outage():
    cluster = Cluster(make_policy())
    cluster.fire("gw-0", "gw-1", "gw-2")
    cluster.run(6 * 3600, step=60)
    assert cluster.phase is Phase.GATED
    assert cluster.status.gate is GateKind.CAUSE
    cluster.clear()
    cluster.run(600)
    assert cluster.phase is Phase.NOT_NEEDED
    assert cluster.status.steps == []


def test_an_outage_that_looks_like_a_minority_first_is_held():
    cluster = Cluster(make_policy())
    cluster.fire("gw-0")
    cluster.run(30)
    cluster.fire("gw-1", "gw-2")
    cluster.run(60)
    assert cluster.actions == []
    assert "SharedFault" in cluster.reasons


def test_one_of_two_restarts_and_two_of_three_hold():
    one_of_two = Cluster(make_policy(), pods=2)
    one_of_two.fire("gw-0")
    one_of_two.run(60)
    assert len(one_of_two.actions) == 1
    two_of_three = Cluster(make_policy(), pods=3)
    two_of_three.fire("gw-0", "gw-1")
    two_of_three.run(60)
    assert two_of_three.actions == []


def test_affected_pods_are_replaced_one_at_a_time():
    cluster = Cluster(make_policy(), pods=6)
    cluster.fire("gw-1", "gw-3")
    cluster.run(45)
    assert cluster.actions == ["45 RestartPods gw-1"]
    fresh = next(name for name in cluster.pods if "+" in name)
    cluster.pod_ready(fresh, ready=False)
    cluster.run(45)
    assert len(cluster.actions) == 1
    assert cluster.status.reason == "AwaitingReplacement"
    cluster.pod_ready(fresh, ready=True)
    cluster.run(15)
    assert cluster.actions[1:] == ["90 RestartPods gw-3"] or cluster.actions[1:] == ["105 RestartPods gw-3"]


def test_a_pod_that_recovers_before_its_turn_is_left_alone():
    cluster = Cluster(make_policy(), pods=6)
    cluster.fire("gw-1", "gw-3")
    cluster.run(45)
    fresh = next(name for name in cluster.pods if "+" in name)
    cluster.pod_ready(fresh, ready=False)
    cluster.clear("gw-3")
    cluster.run(300)
    assert len(cluster.actions) == 1


def test_the_next_step_comes_after_the_timeout_and_the_cooldown_and_then_a_person():
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(45)
    replacement = next(name for name in cluster.pods if "+" in name)
    cluster.fire(replacement)
    cluster.run(600)
    assert [action.split()[:2] for action in cluster.actions] == [["45", "RestartPods"], ["645", "RolloutRestart"]]
    cluster.fire(next(iter(cluster.pods)))
    cluster.run(300)
    assert cluster.phase is Phase.HANDED_OVER
    assert cluster.status.reason == "EscalationExhausted"


def test_nothing_more_happens_after_a_handover_until_a_person_clears_it():
    cluster = Cluster(make_policy(escalation=[{"action": "RestartPods"}]))
    cluster.fire("gw-1")
    cluster.run(45)
    cluster.fire(next(name for name in cluster.pods if "+" in name))
    cluster.run(7200, step=30)
    assert len(cluster.remediations) == 1
    assert len(cluster.actions) == 1
    cluster.remediations[0] = cluster.last.model_copy(update={"cleared_by_annotation": "ann"})
    cluster.run(60)
    assert len(cluster.actions) == 2
    assert cluster.last.spec.previous is None


def test_an_alert_that_returns_within_the_recovery_delay_goes_on_with_the_next_step():
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(45)
    cluster.run(200)
    assert cluster.phase is Phase.SUCCEEDED
    cluster.fire("gw-2")
    cluster.run(600)
    assert cluster.last.spec.previous == "breaker-1"
    assert cluster.last.spec.start_step == 1
    assert "RolloutRestart" in cluster.actions[1]


def test_an_alert_that_returns_after_the_recovery_delay_is_a_new_incident():
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(300)
    assert cluster.phase is Phase.SUCCEEDED
    cluster.run(600)
    cluster.fire("gw-2")
    cluster.run(60)
    assert cluster.last.spec.previous is None
    assert "RestartPods gw-2" in cluster.actions[1]


def test_a_returning_alert_breaks_the_stability_and_unready_pods_do_not():
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(105)
    assert cluster.status.reason == "Stabilising"
    cluster.pod_ready("gw-0", ready=False)
    cluster.run(30)
    assert cluster.status.reason == "Stabilising"
    cluster.pod_ready("gw-0", ready=True)
    cluster.fire("gw-0")
    cluster.run(15)
    assert cluster.status.reason == "AlertStillFiring"


def test_success_waits_for_the_whole_stable_time_even_past_the_timeout():
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(45)
    fresh = next(name for name in cluster.pods if "+" in name)
    cluster.pod_ready(fresh, ready=False)
    cluster.run(285)
    cluster.pod_ready(fresh, ready=True)
    cluster.run(165)
    assert cluster.phase is Phase.VERIFYING
    cluster.run(30)
    assert cluster.phase is Phase.SUCCEEDED


def test_pods_that_never_become_ready_are_handed_over_without_another_step():
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(45)
    cluster.pod_ready(next(name for name in cluster.pods if "+" in name), ready=False)
    cluster.run(3600)
    assert len(cluster.actions) == 1
    assert cluster.phase is Phase.HANDED_OVER


def test_a_target_that_is_gone_fails_the_incident():
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(15)
    cluster.world = type(cluster.world)(target_gone=True)
    cluster.run(15)
    assert cluster.phase is Phase.FAILED
    assert cluster.status.reason == "TargetGone"


def test_a_refusal_of_the_api_server_fails_the_incident():
    cluster = Cluster(make_policy())
    cluster.result_of = lambda _: ActResult.REFUSED
    cluster.fire("gw-1")
    cluster.run(60)
    assert cluster.remediations[0].status.phase is Phase.FAILED


def test_a_blocked_eviction_waits_and_uses_up_no_budget():
    cluster = Cluster(make_policy(guards={"budgets": [{"actions": 1, "per": "1h"}]}))
    cluster.result_of = lambda _: ActResult.BLOCKED
    cluster.fire("gw-1")
    cluster.run(120)
    assert cluster.phase is Phase.GATED
    assert cluster.status.reason == "DisruptionBudget"
    cluster.result_of = lambda _: ActResult.ACCEPTED
    cluster.run(30)
    assert len(cluster.actions) == 1


def test_an_eviction_that_stays_blocked_is_handed_over_after_half_an_hour():
    cluster = Cluster(make_policy())
    cluster.result_of = lambda _: ActResult.BLOCKED
    cluster.fire("gw-1")
    cluster.run(45 + 30 * 60 + 30)
    assert cluster.phase is Phase.HANDED_OVER
    assert cluster.actions == []


def test_a_dry_run_goes_the_whole_way_and_touches_nothing():
    cluster = Cluster(make_policy(mode="DryRun"))
    cluster.fire("gw-1")
    cluster.run(1200)
    assert cluster.actions == []
    assert cluster.phase is Phase.DRY_RUN
    assert cluster.status.outcome is Phase.HANDED_OVER
    assert [step.action for step in cluster.status.steps] == ["RestartPods", "RolloutRestart"]
    assert len(cluster.remediations) == 1


def test_the_ledger_of_a_dry_run_does_not_count_for_the_real_thing():
    cluster = Cluster(make_policy(mode="DryRun", guards={"budgets": [{"actions": 1, "per": "24h"}]}))
    cluster.fire("gw-1")
    cluster.run(60)
    assert cluster.status.steps
    cluster.policy = make_policy(guards={"budgets": [{"actions": 1, "per": "24h"}]})
    cluster.run(120)
    assert cluster.last.spec.mode is Mode.ENFORCE
    assert len(cluster.actions) == 1


def test_a_dry_run_begins_anew_with_a_new_alert_only():
    cluster = Cluster(make_policy(mode="DryRun"))
    cluster.fire("gw-1")
    cluster.run(4 * 3600, step=60)
    assert len(cluster.remediations) == 1
    cluster.clear()
    cluster.run(600)
    cluster.fire("gw-1")
    cluster.run(60)
    assert len(cluster.remediations) == 2


def test_a_policy_edited_to_fewer_steps_in_mid_incident_hands_over():
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(45)
    cluster.fire(next(name for name in cluster.pods if "+" in name))
    cluster.policy = make_policy(escalation=[{"action": "RestartPods"}])
    cluster.run(330)
    assert cluster.phase is Phase.HANDED_OVER


def test_a_policy_edited_to_dry_run_in_mid_incident_acts_no_more():
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(30)
    cluster.policy = make_policy(mode="DryRun")
    cluster.run(600)
    assert cluster.actions == []
    assert cluster.status.reason == "PolicyIsDryRun"


def test_the_records_are_bounded():
    cluster = Cluster(make_policy(), pods=200)
    cluster.fire(*(f"gw-{index}" for index in range(60)))
    for _ in range(40):
        cluster.run(15)
        cluster.world = type(cluster.world)(alertmanager_up=not cluster.world.alertmanager_up)
    assert len(cluster.status.alerts) == MAX_ALERTS
    assert cluster.status.alerts_total == 60
    assert len(cluster.status.decisions) <= MAX_DECISIONS


def test_the_same_state_decides_the_same_whoever_asks():
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(30)
    cluster.now = START.replace(second=45)
    first = cluster.decider(cluster.policy, cluster.last, cluster.observe(), cluster.now)
    second = cluster.decider(cluster.policy, cluster.last, cluster.observe(), cluster.now)
    assert first == second
    assert isinstance(first.intent, EvictPod)


def test_an_ended_remediation_stays_as_it_is():
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(300)
    decision = cluster.decider(cluster.policy, cluster.last, cluster.observe(), cluster.now)
    assert not decision.changed
    assert decision.intent is None
