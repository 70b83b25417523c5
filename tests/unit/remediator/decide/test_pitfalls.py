"""Mistakes that other projects made, each by its name (repository and issue in the docstring)."""

from dataclasses import replace

from remediator.api.remediation import Phase, StepResult
from remediator.decide.decision import EvictPod, RevertScale, RolloutRestart
from remediator.decide.observed import Autoscaler, Observed, OtherRemediation, ScaleKind
from support.incident import REQUEST, START, SimulatedTarget, make_alert, make_policy, other_remediation_name

SCALE_OUT = {"action": "ScaleOut", "when": "Majority", "by": 2, "max": 9}


def _fresh(target):
    return next(name for name in target.pods if "+" in name)


def test_an_alert_that_outlives_the_fix_causes_no_repeats():
    """kubernaut #364, #368: three to five repeats while the alert of the mended fault was still firing."""
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(45)
    # The replacement took the old pod's name over, as a StatefulSet's does, and its alert is not resolved yet.
    target.pods["gw-1"] = replace(target.pods.pop(_fresh(target)), name="gw-1", ready=True)
    target.run(240)
    target.clear()
    target.run(300)
    assert len(target.actions) == 1
    assert len(target.remediations) == 1
    assert target.phase is Phase.SUCCEEDED


def test_an_inconclusive_step_counts_as_a_failed_one():
    """kubernaut #1090: a result that was neither good nor bad was not counted, which made 39 runs."""
    target = SimulatedTarget(make_policy(guards={"budgets": [{"actions": 100, "per": "1h"}], "cooldown": "1m"}))
    target.fire("gw-1")
    for _ in range(400):
        target.run(60)
        # Every other minute the signal is lost, so that no step can ever be judged in one piece.
        target.world = Observed(prometheus_up=not target.world.prometheus_up)
        target.fire(next(iter(target.pods)))
    assert len(target.actions) == 2
    assert target.phase is Phase.HANDED_OVER
    assert target.status.steps[0].result is StepResult.NOT_CLEARED


def test_missing_data_is_not_a_success():
    """kubernaut #722, argo-rollouts #4479: an empty answer of the metrics backend was scored as success."""
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(45)
    target.clear()
    target.world = Observed(prometheus_up=False)
    target.run(1500)
    assert target.phase is Phase.VERIFYING


def test_two_remediations_of_one_target_do_not_block_each_other_for_ever():
    """kubernaut #209: each of two requests waited for the other one."""

    def acts(age):
        target = SimulatedTarget(make_policy())
        target.fire("gw-1")
        created = START.replace(minute=30 - age)
        target.world = Observed(others=(OtherRemediation(other_remediation_name(1), created, True, False),))
        target.run(120)
        return bool(target.actions)

    assert (acts(age=29), acts(age=31 - 30)) == (True, True)
    older = OtherRemediation(other_remediation_name(1), START.replace(hour=9), True, False)
    waiting = SimulatedTarget(make_policy())
    waiting.fire("gw-1")
    waiting.world = Observed(others=(older,))
    waiting.run(120)
    assert waiting.actions == []
    same_moment = replace(older, created_at=START)
    first = SimulatedTarget(make_policy())
    first.fire("gw-1")
    first.world = Observed(others=(same_moment,))
    first.run(120)
    assert len(first.actions) == 1


def test_the_cooldown_holds_on_every_path_to_an_action():
    """kubernaut #242: a stored backoff was ignored by one of the paths."""
    for path in ("next step", "relapse", "cleared handover"):
        target = SimulatedTarget(make_policy(escalation=[{"action": "RestartPods"}, {"action": "RolloutRestart"}]))
        target.fire("gw-1")
        target.run(45)
        if path == "next step":
            target.fire(_fresh(target))
        else:
            target.run(210)
            assert target.phase is Phase.SUCCEEDED
            if path == "cleared handover":
                handed = target.status.model_copy(update={"phase": Phase.HANDED_OVER})
                target.remediations[0] = target.last.model_copy(
                    update={"status": handed, "cleared_by_annotation": "ann"}
                )
            target.fire("gw-0")
        target.run(900)
        assert len(target.done) >= 2, path
        assert (target.done[1].at - target.done[0].at).total_seconds() >= 600, path


def test_an_empty_result_of_prometheus_is_not_a_zero():
    """KEDA ``ignoreNullValues``: no sample was read as 0. Here it is neither a closed breaker nor a success."""
    target = SimulatedTarget(make_policy())
    target.world = Observed(has_prometheus=True)
    for name, pod in target.pods.items():
        target.pods[name] = replace(pod, breakers=None, successes=frozenset({REQUEST}) if name == "gw-2" else None)
    target.fire("gw-1")
    target.run(60)
    assert len(target.actions) == 1

    silent = SimulatedTarget(make_policy())
    silent.world = Observed(has_prometheus=True)
    silent.fire("gw-1")
    silent.run(60)
    assert silent.status.reason == "NoPeerSuccess"
    assert silent.actions == []


def test_replicas_do_not_collapse_after_an_outage_of_the_metrics_and_a_restart():
    """keda #6961: the operator came back without data and scaled down to the minimum."""
    target = SimulatedTarget(make_policy(escalation=[SCALE_OUT]))
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(60)
    target.clear()
    target.world = Observed(alertmanager_up=False, prometheus_up=False)
    target.run(1200)
    assert target.workload.replicas == 5
    assert not any(isinstance(item.intent, RevertScale) for item in target.done)


def test_the_replicas_that_an_autoscaler_owns_are_never_touched():
    """keda #5288: two controllers fought over ``spec.replicas``."""
    target = SimulatedTarget(make_policy(escalation=[SCALE_OUT]))
    target.change(autoscaler=Autoscaler(ScaleKind.HORIZONTAL_POD_AUTOSCALER, "gw", 2, 9))
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(60)
    target.clear()
    target.run(600)
    assert {item.intent.kind for item in target.done if hasattr(item.intent, "kind")} == {
        ScaleKind.HORIZONTAL_POD_AUTOSCALER
    }


def test_replicas_that_a_sync_put_back_are_not_fought_over():
    """keda #5572: autosync overrides the replicas; the operator leaves them and does not set them again."""
    target = SimulatedTarget(make_policy(escalation=[SCALE_OUT]))
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(60)
    target.change(replicas=3, managers=frozenset({"argocd-controller"}), owned_fields=False)
    target.clear()
    target.run(600)
    assert target.actions == ["45 ScaleOut Deployment 3->5"]
    assert target.condition("Reverted") == "False"


def test_an_annotation_that_gitops_removes_does_not_restart_the_rollout_again():
    """Reloader #627: self-healing removed the annotation, the pods were killed once more, and so on."""
    target = SimulatedTarget(make_policy(escalation=[{"action": "RolloutRestart"}]))
    target.fire("gw-1")
    target.run(60)
    target.change(restarted_for=None)
    target.run(600)
    assert sum(1 for item in target.done if isinstance(item.intent, RolloutRestart)) == 1


def test_duplicates_of_a_highly_available_alertmanager_are_one_alert():
    """alertmanager #4108: both of a pair send the same alert."""
    target = SimulatedTarget(make_policy(), pods=4)
    target.world = Observed(alerts=(make_alert("gw-1"), make_alert("gw-1"), make_alert("gw-1")))
    target.run(60)
    assert target.actions == ["45 RestartPods gw-1"]
    assert target.status.alerts_total == 1
    assert len(target.remediations) == 1


def test_a_decision_that_is_repeated_after_a_kill_is_the_same_one():
    """kopf: handlers in flight run again after a kill, so that an action could happen twice."""
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(30)
    target.killed_before_acting = True
    target.run(15)
    intents = {target.decider(target.policy, target.last, target.observe(), target.now).intent for _ in range(5)}
    assert intents == {EvictPod(target.pods["gw-1"].name, target.pods["gw-1"].uid)}


def test_an_incident_never_stops_for_ever_without_an_end_or_a_time_to_wake_up():
    """kopf: a timer that failed permanently never fired again. Each waiting decision names what wakes it."""
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(45)
    target.fire(_fresh(target))
    target.run(900)
    timed = {"Settling", "Stabilising", "Cooldown", "AlertStillFiring", "AlertCleared"}
    waiting = [decision for decision in target.decisions if decision.announce and decision.reason in timed]
    assert waiting
    assert all(decision.wake_at is not None for decision in waiting)


def test_two_operators_of_equal_rank_do_not_freeze_and_do_not_act_twice():
    """kopf #734: peers of equal priority all froze. Here there is no rank: the write of the intent decides."""
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(30)
    target.now = START.replace(second=45)
    first, second = (target.decider(target.policy, target.last, target.observe(), target.now) for _ in range(2))
    assert first.intent == second.intent
    # Whoever loses the write (409) reads the status of the other and finds the intent written down.
    won = target.last.model_copy(update={"status": first.status})
    again = target.decider(target.policy, won, target.observe(), target.now)
    assert again.intent == first.intent
    assert len(again.status.steps) == 1


def test_alerts_of_pods_that_our_own_restart_starts_do_not_arm_it_again():
    """Rule 5 of the design: an operator's own side effects look like a new incident."""
    target = SimulatedTarget(make_policy(escalation=[{"action": "RolloutRestart"}, {"action": "RestartPods"}]))
    target.fire("gw-1")
    target.run(45)
    target.clear()
    starting = list(target.pods)
    for name in starting:
        target.pod_ready(name, ready=False)
    target.fire(*starting)
    target.run(120)
    for name in starting:
        target.pod_ready(name, ready=True)
    target.clear()
    target.run(300)
    assert len(target.actions) == 1
    assert len(target.remediations) == 1
    assert target.phase is Phase.SUCCEEDED


def test_a_hundred_flapping_alerts_make_one_remediation_and_one_action_a_cooldown():
    """Storms: robusta drops what does not fit into its queue; here all of it is one incident of bounded size."""
    target = SimulatedTarget(make_policy(), pods=4)
    for minute in range(40):
        if minute % 2:
            target.clear()
        else:
            for number in range(100):
                target.fire("gw-1" if "gw-1" in target.pods else next(iter(target.pods)), service=f"backend-{number}")
        target.run(15)
    assert len(target.remediations) == 1
    assert len(target.actions) == 1
    assert target.status.alerts_total >= 100
    assert len(target.status.alerts) == 50
    assert len(str(target.status.to_object())) < 40_000
