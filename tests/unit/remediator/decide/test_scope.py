"""The cause gate, with the evidence of Prometheus and without."""

from dataclasses import replace
from datetime import timedelta

import pytest

from remediator.api.policy import Scope
from remediator.api.remediation import GateKind, Phase, RemediationStatus
from remediator.decide.alerts import assess_alerts
from remediator.decide.observed import Evaluation, Observed
from remediator.decide.scope import judge_cause
from support.incident import REQUEST, START, SimulatedTarget, make_alert, make_policy


def _with_prometheus(target, *, successes=(), **breakers):
    """Give every pod a gauge (closed unless said otherwise), and some of them successful calls."""
    target.world = Observed(has_prometheus=True)
    for name, pod in target.pods.items():
        gauge = breakers.get(name.replace("-", "_"), 0)
        calls = frozenset({REQUEST}) if name in successes else frozenset()
        target.pods[name] = replace(pod, breakers=None if gauge is None else {REQUEST: gauge}, successes=calls)
    return target


def _judge(target):
    observed = target.observe()
    return judge_cause(observed, assess_alerts(target.policy, observed, target.now), RemediationStatus())


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
    target = SimulatedTarget(make_policy(), pods=ready)
    target.fire(*(f"gw-{index}" for index in range(affected)))
    verdict = _judge(target)
    assert verdict.scope is Scope(scope)
    assert len(verdict.affected) == affected
    assert verdict.share == f"{affected} of {ready} ready pods are affected"


def test_only_ready_pods_count():
    target = SimulatedTarget(make_policy(), pods=4)
    target.fire("gw-0", "gw-1")
    target.pod_ready("gw-3", ready=False)
    assert _judge(target).scope is Scope.MAJORITY
    target.pod_ready("gw-0", ready=False)
    assert _judge(target).scope is Scope.MINORITY


def test_an_open_breaker_without_an_alert_yet_counts_but_is_not_restarted():
    target = _with_prometheus(SimulatedTarget(make_policy()), gw_0=1, gw_1=2)
    target.fire("gw-0")
    verdict = _judge(target)
    assert verdict.scope is Scope.MAJORITY
    assert [pod.name for pod in verdict.to_restart] == ["gw-0"]


def test_a_silenced_alert_counts_for_the_share_but_restarts_nothing():
    target = SimulatedTarget(make_policy(), pods=4)
    target.fire("gw-0")
    target.fire("gw-1", state="suppressed")
    verdict = _judge(target)
    assert verdict.affected == ("gw-0", "gw-1")
    assert [pod.name for pod in verdict.to_restart] == ["gw-0"]


def test_an_alert_on_a_pod_whose_breaker_is_closed_restarts_nothing():
    target = _with_prometheus(SimulatedTarget(make_policy()), successes=("gw-0", "gw-2"), gw_0=0)
    target.fire("gw-0")
    target.run(300)
    assert target.actions == []
    assert target.status.reason == "AlertOutlivesFault"


def test_breakers_of_two_backends_on_different_pods_add_up():
    target = SimulatedTarget(make_policy(), pods=3)
    target.fire("gw-0", service="request")
    target.fire("gw-1", service="auth")
    assert _judge(target).scope is Scope.MAJORITY


def test_a_restart_needs_another_pod_that_reaches_the_backend():
    target = _with_prometheus(SimulatedTarget(make_policy()), gw_0=1)
    target.fire("gw-0")
    target.run(3600, step=60)
    assert (target.phase, target.status.reason) == (Phase.GATED, "NoPeerSuccess")
    assert target.status.gate is GateKind.CAUSE
    _with_prometheus(target, successes=("gw-2",), gw_0=1)
    target.run(15)
    assert target.actions == ["3600 RestartPods gw-0"]


def test_a_success_of_an_affected_pod_proves_nothing():
    target = _with_prometheus(SimulatedTarget(make_policy()), successes=("gw-0",), gw_0=1)
    target.fire("gw-0")
    target.run(120)
    assert target.actions == []


def test_a_replacement_without_a_call_is_not_proven_and_the_end_says_so():
    target = _with_prometheus(SimulatedTarget(make_policy()), successes=("gw-2",), gw_0=1)
    target.fire("gw-0")
    target.run(300)
    assert (target.phase, target.status.reason) == (Phase.UNPROVEN, "Unproven")
    assert target.condition("Proven") == "False"
    assert "proves nothing" in target.status.message


def test_a_replacement_with_a_call_is_proven_and_stays_so():
    target = _with_prometheus(SimulatedTarget(make_policy()), successes=("gw-2",), gw_0=1)
    target.fire("gw-0")
    target.run(60)
    fresh = next(name for name in target.pods if "+" in name)
    target.pods[fresh] = replace(target.pods[fresh], successes=frozenset({REQUEST}))
    target.run(60)
    target.pods[fresh] = replace(target.pods[fresh], successes=frozenset())
    target.run(180)
    assert target.phase is Phase.SUCCEEDED
    assert target.condition("Proven") == "True"


def test_after_a_shared_fault_a_remaining_minority_settles_once_more():
    target = SimulatedTarget(make_policy())
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(120)
    target.clear("gw-0", "gw-1")
    target.run(585)
    assert target.actions == []
    assert target.status.reason == "SharedFaultEnding"
    assert target.status.remaining_pods == ["gw-2"]
    target.run(45)
    assert len(target.actions) == 1


def test_a_failure_that_wanders_over_the_pods_is_shared_though_each_look_shows_a_minority():
    target = SimulatedTarget(make_policy(), pods=6)
    target.fire("gw-0", "gw-1")
    target.run(60)
    for first in (2, 4, 1, 3):
        target.clear()
        target.fire(f"gw-{first}", f"gw-{first + 1}")
        target.run(60)
    target.run(300)
    assert target.actions == ["45 RestartPods gw-0", "60 RestartPods gw-1"]
    assert target.status.reason in {"SharedFault", "SharedFaultEnding"}


def test_pods_that_were_affected_while_alertmanager_was_down_count_for_a_shared_failure():
    """Found by simulation: packet loss that wandered on while Alertmanager was down."""
    target = _with_prometheus(SimulatedTarget(make_policy(), pods=5), successes=("gw-3", "gw-4"), gw_0=1)
    target.fire("gw-0")
    target.run(60)
    target.clear()
    for gauges in ({"gw_1": 1}, {"gw_2": 1}):
        _with_prometheus(target, successes=("gw-3", "gw-4"), **gauges)
        target.world = replace(target.world, alertmanager_up=False)
        target.run(120)
    assert target.status.reason == "AlertmanagerUnreachable"
    _with_prometheus(target, successes=("gw-1", "gw-4"), gw_3=1)
    target.fire("gw-3")
    target.run(300)
    assert target.actions == ["45 RestartPods gw-0"]
    assert target.status.scope is Scope.MAJORITY
    assert {"gw-0", "gw-1", "gw-2", "gw-3"} <= set(target.status.affected_pods)


@pytest.mark.parametrize("others", [{}, {"gw_0": 1}])
def test_a_shared_failure_is_not_over_because_nothing_is_known_for_a_while(others):
    """Neither the unknown time nor what came before a new affected pod counts for ``recoveryDelay``."""
    target = _with_prometheus(SimulatedTarget(make_policy(), pods=3), gw_0=1, gw_1=1, gw_2=1)
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(120)
    target.clear("gw-0", "gw-1")
    _with_prometheus(target, successes=("gw-0", "gw-1"), gw_2=1)
    target.run(300)
    assert target.status.reason == "SharedFaultEnding"
    _with_prometheus(target, successes=("gw-1",), gw_2=1, **others)
    target.world = replace(target.world, alertmanager_up=False)
    target.run(400)
    _with_prometheus(target, successes=("gw-0", "gw-1"), gw_2=1)
    target.run(280 if not others else 580)
    assert target.actions == []
    target.run(120)
    assert [action.split(" ", 1)[1] for action in target.actions] == ["RestartPods gw-2"]


def test_affected_pods_that_stop_being_ready_still_count():
    target = SimulatedTarget(make_policy(guards={"minHealthy": 0}), pods=4)
    target.fire("gw-0", "gw-1")
    target.run(30)
    target.pod_ready("gw-0", ready=False)
    target.pod_ready("gw-1", ready=False)
    target.fire("gw-2")
    target.run(300)
    assert target.actions == []
    assert target.status.reason == "SharedFault"


def test_a_replacement_that_fails_too_counts_with_the_pod_that_it_replaces_and_is_not_restarted_again():
    target = SimulatedTarget(make_policy(), pods=3)
    target.fire("gw-0")
    target.run(60)
    target.fire(next(name for name in target.pods if "+" in name))
    target.run(1200)
    assert len(target.actions) == 1
    assert (target.phase, target.status.reason) == (Phase.HANDED_OVER, "EscalationExhausted")


def _with_times(target, *, opened=None, success=None, scraped=0, evaluated=None):
    """Give the pods the times that the gateway and Prometheus tell, in seconds after the start."""
    target.world = replace(target.world, has_prometheus=True)
    if evaluated is not None:
        evaluation = Evaluation(START + timedelta(seconds=evaluated), timedelta(seconds=15))
        target.world = replace(target.world, evaluations={"CircuitBreakerOpen": evaluation})
    for name, pod in target.pods.items():
        at = (opened or {}).get(name)
        last = (success or {}).get(name)
        target.pods[name] = replace(
            pod,
            breakers={REQUEST: 0 if at is None else 1},
            breaker_opened={} if at is None else {REQUEST: START + timedelta(seconds=at)},
            last_success={} if last is None else {REQUEST: START + timedelta(seconds=last)},
            scraped_at=START + timedelta(seconds=scraped),
        )


def test_settling_ends_once_every_pod_was_scraped_and_evaluated_since_the_breaker_opened():
    target = SimulatedTarget(make_policy())
    _with_times(target, opened={"gw-0": -75}, success={"gw-1": -10}, scraped=-5, evaluated=-1)
    target.fire("gw-0")
    target.run(0)
    assert target.actions == ["0 RestartPods gw-0"]


@pytest.mark.parametrize(
    "evidence",
    [
        {"success": {"gw-1": -90}},
        {"scraped": -80},
        {"evaluated": -80},
        {"success": {}},
    ],
    ids=["success before the failure", "not scraped since", "not evaluated since", "no success"],
)
def test_without_evidence_settling_is_not_shortened(evidence):
    target = SimulatedTarget(make_policy())
    known = {"opened": {"gw-0": -75}, "success": {"gw-1": -10}, "scraped": -5, "evaluated": -1}
    _with_times(target, **{**known, **evidence})
    target.fire("gw-0")
    target.run(30)
    assert target.actions == []
    assert target.phase is Phase.SETTLING


def test_a_success_before_the_failure_is_no_proof_that_the_backend_works():
    target = SimulatedTarget(make_policy())
    _with_times(target, opened={"gw-0": -75}, success={"gw-1": -90}, scraped=-5, evaluated=-1)
    target.fire("gw-0")
    target.run(3600, step=60)
    assert (target.actions, target.status.reason) == ([], "NoPeerSuccess")
    _with_times(target, opened={"gw-0": -75}, success={"gw-1": 3590}, scraped=3595, evaluated=3599)
    target.run(15)
    assert len(target.actions) == 1


def test_a_share_that_grows_in_the_middle_of_a_step_stops_it():
    target = SimulatedTarget(make_policy(), pods=4)
    target.fire("gw-0", "gw-1")
    target.run(45)
    target.fire("gw-2", "gw-3")
    target.run(300)
    assert len(target.actions) == 1
    assert target.status.reason == "SharedFault"


def test_a_hold_step_waits_and_then_lets_the_next_step_go():
    steps = [{"action": "Hold", "verify": {"timeout": "5m"}}, {"action": "RestartPods"}]
    target = SimulatedTarget(make_policy(escalation=steps))
    target.fire("gw-0")
    target.run(330)
    assert target.actions == []
    target.run(30)
    assert target.actions == ["345 RestartPods gw-0"]


def test_a_hold_as_the_last_step_lasts_until_the_alert_ends():
    target = SimulatedTarget(make_policy(escalation=[{"action": "Hold"}]))
    target.fire("gw-0")
    target.run(4 * 3600, step=60)
    assert (target.phase, target.status.reason) == (Phase.GATED, "Hold")
    target.clear()
    target.run(600)
    assert target.phase is Phase.NOT_NEEDED


def test_an_alert_older_than_its_pod_is_left_over_from_a_predecessor():
    target = SimulatedTarget(make_policy())
    target.fire("gw-0")
    target.pods["gw-0"] = replace(target.pods["gw-0"], created_at=make_alert("x").starts_at.replace(hour=11))
    target.run(120)
    assert target.remediations == []


def test_an_alert_on_a_pod_that_is_not_ready_restarts_nothing():
    target = SimulatedTarget(make_policy())
    target.fire("gw-0")
    target.pod_ready("gw-0", ready=False)
    target.run(300)
    assert target.actions == []
    assert target.status.reason == "NoAffectedPods"


def test_a_lasting_outage_is_written_once_and_not_at_every_look():
    target = SimulatedTarget(make_policy())
    target.fire("gw-0", "gw-1", "gw-2")
    target.run(60)
    before = len(target.decisions)
    target.run(600)
    assert not any(decision.changed for decision in target.decisions[before:])
