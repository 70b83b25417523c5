"""The way of an incident from its first alert to its end."""

from dataclasses import replace

from remediator.api.limits import MAX_ALERTS, MAX_DECISIONS
from remediator.api.policy import Mode
from remediator.api.remediation import GateKind, Phase, StepResult
from remediator.decide.decision import ActResult, EvictPod
from support.incident import START, SimulatedTarget, make_policy


def test_one_pod_of_three_is_replaced_after_settling_and_the_incident_succeeds():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(30)
    assert target.phase is Phase.SETTLING
    assert target.actions == []
    target.run(15)
    assert target.actions == ["45 RestartPods gw-1"]
    target.run(195)
    assert target.phase is Phase.SUCCEEDED
    step = target.status.steps[0]
    assert step.result is StepResult.SUCCEEDED
    assert (step.started_at - START).total_seconds() == 45
    assert [pod.name for pod in step.pods] == ["gw-1"]


def test_settling_needs_a_poll_after_its_end():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(40, step=40)
    target.now = START.replace(second=50)
    stale = target.observe()
    decision = target.decider(
        target.policy, target.last, type(stale)(**{**_fields(stale), "alerts_read_at": START}), target.now
    )
    assert decision.phase is Phase.SETTLING
    assert decision.intent is None


def _fields(observed):
    return {name: getattr(observed, name) for name in observed.__dataclass_fields__}


def test_an_alert_that_ends_while_settling_is_not_needed_after_the_recovery_delay_only():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(30)
    target.clear()
    target.run(585)
    assert target.phase is Phase.SETTLING
    target.run(30)
    assert target.phase is Phase.NOT_NEEDED
    assert target.actions == []


def test_a_flapping_alert_stays_in_one_incident_and_does_not_restart_the_settling():
    target = SimulatedTarget(make_policy())
    for _ in range(3):
        target.fire("gw-1")
        target.run(8, step=8)
        target.clear()
        target.run(8, step=8)
    target.fire("gw-1")
    target.run(1, step=1)
    assert len(target.remediations) == 1
    assert target.actions == ["48 RestartPods gw-1"]


def test_a_shared_outage_is_held_for_hours_and_ends_with_the_outage():
    target = SimulatedTarget(make_policy())
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(6 * 3600, step=60)
    assert target.phase is Phase.GATED
    assert target.status.gate is GateKind.CAUSE
    target.clear()
    target.run(600)
    assert target.phase is Phase.NOT_NEEDED
    assert target.status.steps == []


def test_an_outage_that_looks_like_a_minority_first_is_held():
    target = SimulatedTarget(make_policy())
    target.fire("gw-0")
    target.run(30)
    target.fire("gw-1", "gw-2")
    target.run(60)
    assert target.actions == []
    assert "SharedFault" in target.reasons


def test_one_of_two_restarts_and_two_of_three_hold():
    one_of_two = SimulatedTarget(make_policy(), pods=2)
    one_of_two.fire("gw-0")
    one_of_two.run(60)
    assert len(one_of_two.actions) == 1
    two_of_three = SimulatedTarget(make_policy(), pods=3)
    two_of_three.fire("gw-0", "gw-1")
    two_of_three.run(60)
    assert two_of_three.actions == []


def test_affected_pods_are_replaced_one_at_a_time():
    target = SimulatedTarget(make_policy(), pods=6)
    target.fire("gw-1", "gw-3")
    target.run(45)
    assert target.actions == ["45 RestartPods gw-1"]
    fresh = next(name for name in target.pods if "+" in name)
    target.pod_ready(fresh, ready=False)
    target.run(45)
    assert len(target.actions) == 1
    assert target.status.reason == "AwaitingReplacement"
    target.pod_ready(fresh, ready=True)
    target.run(15)
    assert target.actions[1:] == ["90 RestartPods gw-3"] or target.actions[1:] == ["105 RestartPods gw-3"]


def test_a_pod_that_recovers_before_its_turn_is_left_alone():
    target = SimulatedTarget(make_policy(), pods=6)
    target.fire("gw-1", "gw-3")
    target.run(45)
    fresh = next(name for name in target.pods if "+" in name)
    target.pod_ready(fresh, ready=False)
    target.clear("gw-3")
    target.run(300)
    assert len(target.actions) == 1


def test_the_next_step_comes_after_the_timeout_and_the_cooldown_and_then_a_person():
    target = SimulatedTarget(make_policy(escalation=[{"action": "RestartPods"}, {"action": "RolloutRestart"}]))
    target.fire("gw-1")
    target.run(45)
    replacement = next(name for name in target.pods if "+" in name)
    target.fire(replacement)
    target.run(600)
    assert [action.split()[:2] for action in target.actions] == [["45", "RestartPods"], ["645", "RolloutRestart"]]
    target.fire(next(iter(target.pods)))
    target.run(300)
    assert target.phase is Phase.HANDED_OVER
    assert target.status.reason == "EscalationExhausted"


def test_nothing_more_happens_after_a_handover_until_a_person_clears_it():
    target = SimulatedTarget(make_policy(escalation=[{"action": "RestartPods"}]))
    target.fire("gw-1")
    target.run(45)
    target.fire(next(name for name in target.pods if "+" in name))
    target.run(7200, step=30)
    assert len(target.remediations) == 1
    assert len(target.actions) == 1
    target.remediations[0] = target.last.model_copy(update={"cleared_by_annotation": "ann"})
    target.run(60)
    assert len(target.actions) == 2
    assert target.last.spec.previous is None


def test_an_alert_that_returns_within_the_recovery_delay_goes_on_with_the_next_step():
    target = SimulatedTarget(make_policy(escalation=[{"action": "RestartPods"}, {"action": "RolloutRestart"}]))
    target.fire("gw-1")
    target.run(45)
    target.run(200)
    assert target.phase is Phase.SUCCEEDED
    target.fire(next(name for name in target.pods if "+" in name))
    target.run(600)
    assert target.last.spec.previous == "breaker-1"
    assert target.last.spec.start_step == 1
    assert "RolloutRestart" in target.actions[1]


def test_a_relapse_remembers_the_pods_of_the_incident_before_it():
    """A failure that wanders over the pods is shared, also where each pod is quiet for a while after its restart."""
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(245)
    assert target.phase is Phase.SUCCEEDED
    fresh = next(name for name in target.pods if "+" in name)
    target.fire("gw-2")
    target.run(300)
    assert target.last.spec.previous == "breaker-1"
    assert target.status.affected_pods == sorted([fresh, "gw-2"])
    assert target.phase is Phase.GATED
    assert len(target.actions) == 1


def test_an_incident_soon_after_one_that_cleared_by_itself_remembers_its_pods():
    """Found by simulation: a slow backend whose breakers open and close on all pods, with a pause between."""
    target = SimulatedTarget(make_policy())
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(60)
    target.clear()
    target.run(720)
    assert (target.phase, target.status.reason) == (Phase.NOT_NEEDED, "ClearedByItself")
    target.fire("gw-1")
    target.run(300)
    assert target.last.name == "breaker-2"
    assert target.actions == []


def test_the_marker_of_a_rollout_restart_is_of_this_remediation_and_not_of_an_older_one_of_its_name():
    target = SimulatedTarget(make_policy(escalation=[{"action": "RolloutRestart"}]))
    target.change(restarted_for="breaker-1/0/uid-of-the-old-one")
    target.fire("gw-1")
    target.settle()
    target.remediations[0] = target.last.model_copy(update={"uid": "uid-of-the-new-one"})
    target.run(60)
    assert target.actions == ["45 RolloutRestart breaker-1/0/uid-of-the-new-one"]


def test_an_alert_that_returns_after_the_recovery_delay_is_a_new_incident():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(300)
    assert target.phase is Phase.SUCCEEDED
    target.run(600)
    target.fire("gw-2")
    target.run(60)
    assert target.last.spec.previous is None
    assert "RestartPods gw-2" in target.actions[1]


def test_a_returning_alert_an_unready_pod_and_a_restart_each_break_the_stability():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(105)
    assert target.status.reason == "Stabilising"
    target.pod_ready("gw-0", ready=False)
    target.run(30)
    assert target.status.reason == "PodsNotReady"
    target.pod_ready("gw-0", ready=True)
    target.run(15)
    before = target.status.stable_until
    target.pods["gw-0"] = replace(target.pods["gw-0"], restarts=1)
    target.run(15)
    assert target.status.reason == "Stabilising"
    assert target.status.stable_until > before
    target.fire("gw-0")
    target.run(15)
    assert target.status.reason == "AlertStillFiring"


def test_success_waits_for_the_whole_stable_time_even_past_the_timeout():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(45)
    fresh = next(name for name in target.pods if "+" in name)
    target.pod_ready(fresh, ready=False)
    target.run(285)
    target.pod_ready(fresh, ready=True)
    target.run(165)
    assert target.phase is Phase.VERIFYING
    target.run(30)
    assert target.phase is Phase.SUCCEEDED


def test_pods_that_never_become_ready_are_handed_over_without_another_step():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(45)
    target.pod_ready(next(name for name in target.pods if "+" in name), ready=False)
    target.run(3600)
    assert len(target.actions) == 1
    assert target.phase is Phase.HANDED_OVER


def test_a_target_that_is_gone_fails_the_incident():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(15)
    target.world = type(target.world)(target_gone=True)
    target.run(15)
    assert target.phase is Phase.FAILED
    assert target.status.reason == "TargetGone"


def test_a_blocked_eviction_waits_and_uses_up_no_budget():
    target = SimulatedTarget(make_policy(guards={"budgets": [{"actions": 1, "per": "1h"}]}))
    target.result_of = lambda _: ActResult.BLOCKED
    target.fire("gw-1")
    target.run(120)
    assert target.phase is Phase.GATED
    assert target.status.reason == "DisruptionBudget"
    target.result_of = lambda _: ActResult.ACCEPTED
    target.run(120)
    assert len(target.actions) == 1


def test_an_eviction_that_stays_blocked_is_handed_over_after_half_an_hour():
    target = SimulatedTarget(make_policy())
    target.result_of = lambda _: ActResult.BLOCKED
    target.fire("gw-1")
    target.run(45 + 30 * 60 + 300)
    assert target.phase is Phase.HANDED_OVER
    assert target.actions == []


def test_a_dry_run_goes_the_whole_way_and_touches_nothing():
    target = SimulatedTarget(
        make_policy(mode="DryRun", escalation=[{"action": "RestartPods"}, {"action": "RolloutRestart"}])
    )
    target.fire("gw-1")
    target.run(1200)
    assert target.actions == []
    assert target.phase is Phase.DRY_RUN
    assert target.status.outcome is Phase.HANDED_OVER
    assert [step.action for step in target.status.steps] == ["RestartPods", "RolloutRestart"]
    assert len(target.remediations) == 1


def test_actions_of_a_dry_run_do_not_count_for_enforce():
    target = SimulatedTarget(make_policy(mode="DryRun", guards={"budgets": [{"actions": 1, "per": "24h"}]}))
    target.fire("gw-1")
    target.run(60)
    assert target.status.steps
    target.policy = make_policy(guards={"budgets": [{"actions": 1, "per": "24h"}]})
    target.run(120)
    assert target.last.spec.mode is Mode.ENFORCE
    assert len(target.actions) == 1


def test_a_dry_run_begins_anew_with_a_new_alert_only():
    target = SimulatedTarget(make_policy(mode="DryRun"))
    target.fire("gw-1")
    target.run(4 * 3600, step=60)
    assert len(target.remediations) == 1
    target.clear()
    target.run(600)
    target.fire("gw-1")
    target.run(60)
    assert len(target.remediations) == 2


def test_a_policy_edited_to_fewer_steps_in_mid_incident_hands_over():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(45)
    target.fire(next(name for name in target.pods if "+" in name))
    target.policy = make_policy(escalation=[{"action": "RestartPods"}])
    target.run(330)
    assert target.phase is Phase.HANDED_OVER


def test_a_policy_edited_to_dry_run_in_mid_incident_acts_no_more():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(30)
    target.policy = make_policy(mode="DryRun")
    target.run(600)
    assert target.actions == []
    assert target.status.reason == "PolicyIsDryRun"


def test_the_records_are_bounded():
    target = SimulatedTarget(make_policy(), pods=200)
    target.fire(*(f"gw-{index}" for index in range(60)))
    for _ in range(40):
        target.run(15)
        target.world = type(target.world)(alertmanager_up=not target.world.alertmanager_up)
    assert len(target.status.alerts) == MAX_ALERTS
    assert target.status.alerts_total == 60
    assert len(target.status.decisions) <= MAX_DECISIONS


def test_the_same_state_decides_the_same_whoever_asks():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(30)
    target.now = START.replace(second=45)
    first = target.decider(target.policy, target.last, target.observe(), target.now)
    second = target.decider(target.policy, target.last, target.observe(), target.now)
    assert first == second
    assert isinstance(first.intent, EvictPod)


def test_an_ended_remediation_stays_as_it_is():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(300)
    decision = target.decider(target.policy, target.last, target.observe(), target.now)
    assert not decision.changed
    assert decision.intent is None
