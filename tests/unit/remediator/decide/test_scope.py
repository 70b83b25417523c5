"""The cause gate, with the evidence of Prometheus and without."""

from dataclasses import replace

import pytest

from remediator.api.policy import Scope
from remediator.api.remediation import GateKind, Phase
from remediator.decide.alerts import look_at_alerts
from remediator.decide.observed import Observed
from remediator.decide.scope import judge_cause
from support.incident import REQUEST, Cluster, make_alert, make_policy


def _with_prometheus(cluster, *, successes=(), **breakers):
    """Give every pod a gauge (closed unless said otherwise), and some of them successful calls."""
    cluster.world = Observed(has_prometheus=True)
    for name, pod in cluster.pods.items():
        gauge = breakers.get(name.replace("-", "_"), 0)
        calls = frozenset({REQUEST}) if name in successes else frozenset()
        cluster.pods[name] = replace(pod, breakers=None if gauge is None else {REQUEST: gauge}, successes=calls)
    return cluster


def _judge(cluster):
    observed = cluster.observe()
    return judge_cause(observed, look_at_alerts(cluster.policy, observed))


@pytest.mark.parametrize(
    ("ready", "affected", "scope"),
    [
        (1, 1, "Majority"),
        (2, 1, "Minority"),
        (2, 2, "Majority"),
        (3, 1, "Minority"),
        (3, 2, "Majority"),
        (4, 2, "Minority"),
        (5, 2, "Minority"),
        (5, 3, "Majority"),
        (10, 5, "Minority"),
        (10, 6, "Majority"),
    ],
)
def test_half_or_fewer_are_a_minority(ready, affected, scope):
    cluster = Cluster(make_policy(), pods=ready)
    cluster.fire(*(f"gw-{index}" for index in range(affected)))
    verdict = _judge(cluster)
    assert verdict.scope is Scope(scope)
    assert (verdict.ready, len(verdict.affected)) == (ready, affected)


def test_only_ready_pods_count():
    cluster = Cluster(make_policy(), pods=4)
    cluster.fire("gw-0", "gw-1")
    cluster.pod_ready("gw-3", ready=False)
    assert _judge(cluster).scope is Scope.MAJORITY
    cluster.pod_ready("gw-0", ready=False)
    assert _judge(cluster).scope is Scope.MINORITY


def test_an_open_breaker_without_an_alert_yet_counts_but_is_not_restarted():
    cluster = _with_prometheus(Cluster(make_policy()), gw_0=1, gw_1=2)
    cluster.fire("gw-0")
    verdict = _judge(cluster)
    assert verdict.scope is Scope.MAJORITY
    assert [pod.name for pod in verdict.to_restart] == ["gw-0"]


def test_a_silenced_alert_counts_for_the_share_but_restarts_nothing():
    cluster = Cluster(make_policy(), pods=4)
    cluster.fire("gw-0")
    cluster.fire("gw-1", state="suppressed")
    verdict = _judge(cluster)
    assert verdict.affected == ("gw-0", "gw-1")
    assert [pod.name for pod in verdict.to_restart] == ["gw-0"]


def test_an_alert_on_a_pod_whose_breaker_is_closed_restarts_nothing():
    cluster = _with_prometheus(Cluster(make_policy()), successes=("gw-0", "gw-2"), gw_0=0)
    cluster.fire("gw-0")
    cluster.run(300)
    assert cluster.actions == []
    assert cluster.status.reason == "AlertOutlivesFault"


def test_breakers_of_two_backends_on_different_pods_add_up():
    cluster = Cluster(make_policy(), pods=3)
    cluster.fire("gw-0", service="request")
    cluster.fire("gw-1", service="auth")
    assert _judge(cluster).scope is Scope.MAJORITY


def test_a_restart_needs_another_pod_that_reaches_the_backend():
    cluster = _with_prometheus(Cluster(make_policy()), gw_0=1)
    cluster.fire("gw-0")
    cluster.run(3600, step=60)
    assert (cluster.phase, cluster.status.reason) == (Phase.GATED, "NoPeerSuccess")
    assert cluster.status.gate is GateKind.CAUSE
    _with_prometheus(cluster, successes=("gw-2",), gw_0=1)
    cluster.run(15)
    assert cluster.actions == ["3600 RestartPods gw-0"]


def test_a_success_of_an_affected_pod_proves_nothing():
    cluster = _with_prometheus(Cluster(make_policy()), successes=("gw-0",), gw_0=1)
    cluster.fire("gw-0")
    cluster.run(120)
    assert cluster.actions == []


def test_a_replacement_without_a_call_is_not_proven_and_the_end_says_so():
    cluster = _with_prometheus(Cluster(make_policy()), successes=("gw-2",), gw_0=1)
    cluster.fire("gw-0")
    cluster.run(300)
    assert cluster.phase is Phase.SUCCEEDED
    assert cluster.condition("Proven") == "False"
    assert "proves nothing" in cluster.status.message


def test_a_replacement_with_a_call_is_proven_and_stays_so():
    cluster = _with_prometheus(Cluster(make_policy()), successes=("gw-2",), gw_0=1)
    cluster.fire("gw-0")
    cluster.run(60)
    fresh = next(name for name in cluster.pods if "+" in name)
    cluster.pods[fresh] = replace(cluster.pods[fresh], successes=frozenset({REQUEST}))
    cluster.run(60)
    cluster.pods[fresh] = replace(cluster.pods[fresh], successes=frozenset())
    cluster.run(180)
    assert cluster.phase is Phase.SUCCEEDED
    assert cluster.condition("Proven") == "True"


def test_after_a_shared_fault_a_remaining_minority_settles_once_more():
    cluster = Cluster(make_policy())
    cluster.fire("gw-0", "gw-1", "gw-2")
    cluster.run(120)
    cluster.clear("gw-0", "gw-1")
    cluster.run(30)
    assert cluster.actions == []
    assert cluster.status.reason == "SharedFaultEnding"
    cluster.run(30)
    assert len(cluster.actions) == 1


def test_a_share_that_grows_in_the_middle_of_a_step_stops_it():
    cluster = Cluster(make_policy(), pods=4)
    cluster.fire("gw-0", "gw-1")
    cluster.run(45)
    cluster.fire("gw-2", "gw-3")
    cluster.run(300)
    assert len(cluster.actions) == 1
    assert cluster.status.reason == "SharedFault"


def test_a_hold_step_waits_and_then_lets_the_next_step_go():
    steps = [{"action": "Hold", "verify": {"timeout": "5m"}}, {"action": "RestartPods"}]
    cluster = Cluster(make_policy(escalation=steps))
    cluster.fire("gw-0")
    cluster.run(330)
    assert cluster.actions == []
    cluster.run(30)
    assert cluster.actions == ["345 RestartPods gw-0"]


def test_a_hold_as_the_last_step_lasts_until_the_alert_ends():
    cluster = Cluster(make_policy(escalation=[{"action": "Hold"}]))
    cluster.fire("gw-0")
    cluster.run(4 * 3600, step=60)
    assert (cluster.phase, cluster.status.reason) == (Phase.GATED, "Hold")
    cluster.clear()
    cluster.run(600)
    assert cluster.phase is Phase.NOT_NEEDED


def test_an_alert_older_than_its_pod_is_left_over_from_a_predecessor():
    cluster = Cluster(make_policy())
    cluster.fire("gw-0")
    cluster.pods["gw-0"] = replace(cluster.pods["gw-0"], created_at=make_alert("x").starts_at.replace(hour=11))
    cluster.run(120)
    assert cluster.remediations == []


def test_an_alert_on_a_pod_that_is_not_ready_restarts_nothing():
    cluster = Cluster(make_policy())
    cluster.fire("gw-0")
    cluster.pod_ready("gw-0", ready=False)
    cluster.run(300)
    assert cluster.actions == []
    assert cluster.status.reason == "NoAffectedPods"


def test_a_lasting_outage_is_written_once_and_not_at_every_look():
    cluster = Cluster(make_policy())
    cluster.fire("gw-0", "gw-1", "gw-2")
    cluster.run(60)
    before = len(cluster.decisions)
    cluster.run(600)
    assert not any(decision.changed for decision in cluster.decisions[before:])
