"""Mistakes that other projects made, each by its name (repository and issue in the docstring)."""

from dataclasses import replace

from remediator.api.remediation import Phase, StepResult
from remediator.decide.decision import EvictPod, Revert, RolloutRestart
from remediator.decide.observed import Autoscaler, Observed, OtherRemediation, ScaleKind
from support.incident import REQUEST, START, Cluster, make_alert, make_policy, other_remediation_name

SCALE_OUT = {"action": "ScaleOut", "when": "Majority", "by": 2, "max": 9}


def _fresh(cluster):
    return next(name for name in cluster.pods if "+" in name)


def test_an_alert_that_outlives_the_fix_causes_no_repeats():
    """kubernaut #364, #368: three to five repeats while the alert of the mended fault was still firing."""
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(45)
    # The replacement took the old pod's name over, as a StatefulSet's does, and its alert is not resolved yet.
    cluster.pods["gw-1"] = replace(cluster.pods.pop(_fresh(cluster)), name="gw-1", ready=True)
    cluster.run(240)
    cluster.clear()
    cluster.run(300)
    assert len(cluster.actions) == 1
    assert len(cluster.remediations) == 1
    assert cluster.phase is Phase.SUCCEEDED


def test_an_inconclusive_step_counts_as_a_failed_one():
    """kubernaut #1090: a result that was neither good nor bad was not counted, which made 39 runs."""
    cluster = Cluster(make_policy(guards={"budgets": [{"actions": 100, "per": "1h"}], "cooldown": "1m"}))
    cluster.fire("gw-1")
    for _ in range(400):
        cluster.run(60)
        # Every other minute the signal is lost, so that no step can ever be judged in one piece.
        cluster.world = Observed(prometheus_up=not cluster.world.prometheus_up)
        cluster.fire(next(iter(cluster.pods)))
    assert len(cluster.actions) == 2
    assert cluster.phase is Phase.HANDED_OVER
    assert cluster.status.steps[0].result is StepResult.NOT_CLEARED


def test_missing_data_is_not_a_success():
    """kubernaut #722, argo-rollouts #4479: an empty answer of the metrics backend was scored as success."""
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(45)
    cluster.clear()
    cluster.world = Observed(prometheus_up=False)
    cluster.run(1500)
    assert cluster.phase is Phase.VERIFYING


def test_two_remediations_of_one_target_do_not_block_each_other_for_ever():
    """kubernaut #209: each of two requests waited for the other one."""

    def acts(age):
        cluster = Cluster(make_policy())
        cluster.fire("gw-1")
        created = START.replace(minute=30 - age)
        cluster.world = Observed(others=(OtherRemediation(other_remediation_name(1), created, True, False),))
        cluster.run(120)
        return bool(cluster.actions)

    assert (acts(age=29), acts(age=31 - 30)) == (True, True)
    older = OtherRemediation(other_remediation_name(1), START.replace(hour=9), True, False)
    waiting = Cluster(make_policy())
    waiting.fire("gw-1")
    waiting.world = Observed(others=(older,))
    waiting.run(120)
    assert waiting.actions == []
    same_moment = replace(older, created_at=START)
    first = Cluster(make_policy())
    first.fire("gw-1")
    first.world = Observed(others=(same_moment,))
    first.run(120)
    assert len(first.actions) == 1


def test_the_cooldown_holds_on_every_path_to_an_action():
    """kubernaut #242: a stored backoff was ignored by one of the paths."""
    for path in ("next step", "relapse", "cleared handover"):
        cluster = Cluster(make_policy(escalation=[{"action": "RestartPods"}, {"action": "RolloutRestart"}]))
        cluster.fire("gw-1")
        cluster.run(45)
        if path == "next step":
            cluster.fire(_fresh(cluster))
        else:
            cluster.run(210)
            assert cluster.phase is Phase.SUCCEEDED
            if path == "cleared handover":
                handed = cluster.status.model_copy(update={"phase": Phase.HANDED_OVER})
                cluster.remediations[0] = cluster.last.model_copy(
                    update={"status": handed, "cleared_by_annotation": "ann"}
                )
            cluster.fire("gw-0")
        cluster.run(900)
        assert len(cluster.done) >= 2, path
        assert (cluster.done[1].at - cluster.done[0].at).total_seconds() >= 600, path


def test_an_empty_result_of_prometheus_is_not_a_zero():
    """KEDA ``ignoreNullValues``: no sample was read as 0. Here it is neither a closed breaker nor a success."""
    cluster = Cluster(make_policy())
    cluster.world = Observed(has_prometheus=True)
    for name, pod in cluster.pods.items():
        cluster.pods[name] = replace(pod, breakers=None, successes=frozenset({REQUEST}) if name == "gw-2" else None)
    cluster.fire("gw-1")
    cluster.run(60)
    assert len(cluster.actions) == 1

    silent = Cluster(make_policy())
    silent.world = Observed(has_prometheus=True)
    silent.fire("gw-1")
    silent.run(60)
    assert silent.status.reason == "NoPeerSuccess"
    assert silent.actions == []


def test_replicas_do_not_collapse_after_an_outage_of_the_metrics_and_a_restart():
    """keda #6961: the operator came back without data and scaled down to the minimum."""
    cluster = Cluster(make_policy(escalation=[SCALE_OUT]))
    cluster.fire("gw-0", "gw-1", "gw-2")
    cluster.run(60)
    cluster.clear()
    cluster.world = Observed(alertmanager_up=False, prometheus_up=False)
    cluster.run(1200)
    assert cluster.workload.replicas == 5
    assert not any(isinstance(item.intent, Revert) for item in cluster.done)


def test_the_replicas_that_an_autoscaler_owns_are_never_touched():
    """keda #5288: two controllers fought over ``spec.replicas``."""
    cluster = Cluster(make_policy(escalation=[SCALE_OUT]))
    cluster.change(autoscaler=Autoscaler(ScaleKind.HORIZONTAL_POD_AUTOSCALER, "gw", 2, 9))
    cluster.fire("gw-0", "gw-1", "gw-2")
    cluster.run(60)
    cluster.clear()
    cluster.run(600)
    assert {item.intent.kind for item in cluster.done if hasattr(item.intent, "kind")} == {
        ScaleKind.HORIZONTAL_POD_AUTOSCALER
    }


def test_replicas_that_a_sync_put_back_are_not_fought_over():
    """keda #5572: autosync overrides the replicas; the operator leaves them and does not set them again."""
    cluster = Cluster(make_policy(escalation=[SCALE_OUT]))
    cluster.fire("gw-0", "gw-1", "gw-2")
    cluster.run(60)
    cluster.change(replicas=3, managers=frozenset({"argocd-controller"}), owned_fields=False)
    cluster.clear()
    cluster.run(600)
    assert cluster.actions == ["45 ScaleOut Deployment 3->5"]
    assert cluster.condition("Reverted") == "False"


def test_an_annotation_that_gitops_removes_does_not_restart_the_rollout_again():
    """Reloader #627: self-healing removed the annotation, the pods were killed once more, and so on."""
    cluster = Cluster(make_policy(escalation=[{"action": "RolloutRestart"}]))
    cluster.fire("gw-1")
    cluster.run(60)
    cluster.change(restarted_for=None)
    cluster.run(600)
    assert sum(1 for item in cluster.done if isinstance(item.intent, RolloutRestart)) == 1


def test_duplicates_of_a_highly_available_alertmanager_are_one_alert():
    """alertmanager #4108: both of a pair send the same alert."""
    cluster = Cluster(make_policy(), pods=4)
    cluster.world = Observed(alerts=(make_alert("gw-1"), make_alert("gw-1"), make_alert("gw-1")))
    cluster.run(60)
    assert cluster.actions == ["45 RestartPods gw-1"]
    assert cluster.status.alerts_total == 1
    assert len(cluster.remediations) == 1


def test_a_decision_that_is_repeated_after_a_kill_is_the_same_one():
    """kopf: handlers in flight run again after a kill, so that an action could happen twice."""
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(30)
    cluster.killed_before_acting = True
    cluster.run(15)
    intents = {cluster.decider(cluster.policy, cluster.last, cluster.observe(), cluster.now).intent for _ in range(5)}
    assert intents == {EvictPod(cluster.pods["gw-1"].name, cluster.pods["gw-1"].uid)}


def test_an_incident_never_stops_for_ever_without_an_end_or_a_time_to_wake_up():
    """kopf: a timer that failed permanently never fired again. Each waiting decision names what wakes it."""
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(45)
    cluster.fire(_fresh(cluster))
    cluster.run(900)
    timed = {"Settling", "Stabilising", "Cooldown", "AlertStillFiring", "AlertCleared"}
    waiting = [decision for decision in cluster.decisions if decision.announce and decision.reason in timed]
    assert waiting
    assert all(decision.wake_at is not None for decision in waiting)


def test_two_operators_of_equal_rank_do_not_freeze_and_do_not_act_twice():
    """kopf #734: peers of equal priority all froze. Here there is no rank: the write of the intent decides."""
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(30)
    cluster.now = START.replace(second=45)
    first, second = (cluster.decider(cluster.policy, cluster.last, cluster.observe(), cluster.now) for _ in range(2))
    assert first.intent == second.intent
    # Whoever loses the write (409) reads the status of the other and finds the intent written down.
    won = cluster.last.model_copy(update={"status": first.status})
    again = cluster.decider(cluster.policy, won, cluster.observe(), cluster.now)
    assert again.intent == first.intent
    assert len(again.status.steps) == 1


def test_alerts_of_pods_that_our_own_restart_starts_do_not_arm_it_again():
    """Rule 5 of the design: an operator's own side effects look like a new incident."""
    cluster = Cluster(make_policy(escalation=[{"action": "RolloutRestart"}, {"action": "RestartPods"}]))
    cluster.fire("gw-1")
    cluster.run(45)
    cluster.clear()
    starting = list(cluster.pods)
    for name in starting:
        cluster.pod_ready(name, ready=False)
    cluster.fire(*starting)
    cluster.run(120)
    for name in starting:
        cluster.pod_ready(name, ready=True)
    cluster.clear()
    cluster.run(300)
    assert len(cluster.actions) == 1
    assert len(cluster.remediations) == 1
    assert cluster.phase is Phase.SUCCEEDED


def test_a_hundred_flapping_alerts_make_one_remediation_and_one_action_a_cooldown():
    """Storms: robusta drops what does not fit into its queue; here all of it is one incident of bounded size."""
    cluster = Cluster(make_policy(), pods=4)
    for minute in range(40):
        if minute % 2:
            cluster.clear()
        else:
            for number in range(100):
                cluster.fire(
                    "gw-1" if "gw-1" in cluster.pods else next(iter(cluster.pods)), service=f"backend-{number}"
                )
        cluster.run(15)
    assert len(cluster.remediations) == 1
    assert len(cluster.actions) == 1
    assert cluster.status.alerts_total >= 100
    assert len(cluster.status.alerts) == 50
    assert len(str(cluster.status.to_object())) < 40_000
