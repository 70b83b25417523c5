"""Refusals, ambiguous readings and targets that others changed: no larger action, no false success."""

from dataclasses import replace
from datetime import timedelta

import pytest

from remediator.api.remediation import Phase, ScaleKind
from remediator.decide.decision import ActResult, EvictPod
from remediator.decide.observed import Autoscaler
from support.incident import REQUEST, START, SimulatedTarget, make_alert, make_policy


@pytest.mark.parametrize(
    ("result", "reason"), [(ActResult.REFUSED, "Refused"), (ActResult.UNAVAILABLE, "ApiServerUnavailable")]
)
def test_a_refusal_of_the_api_server_holds_and_is_handed_over_and_never_leads_to_a_larger_action(result, reason):
    """403, an admission webhook, or 500 because of two PodDisruptionBudgets."""
    steps = [{"action": "RestartPods"}, {"action": "RolloutRestart"}]
    target = SimulatedTarget(make_policy(escalation=steps))
    asked = []
    target.result_of = lambda intent: asked.append(intent) or result
    target.fire("gw-1")
    target.run(60)
    assert target.status.reason == reason
    target.run(6 * 3600, step=60)
    assert (target.phase, target.status.reason) == (Phase.HANDED_OVER, "GatedTooLong")
    assert "said the server" in target.status.message
    assert all(isinstance(intent, EvictPod) for intent in asked)
    assert len(asked) < 20
    assert len(target.remediations) == 1


def test_an_eviction_that_was_refused_is_not_repeated_once_another_pod_is_the_affected_one():
    """Found by simulation: packet loss that wandered on while the API server answered 403."""
    target = SimulatedTarget(make_policy(), pods=4)
    target.result_of = lambda _: ActResult.REFUSED
    target.fire("gw-1")
    target.run(60)
    target.result_of = lambda _: ActResult.ACCEPTED
    target.clear()
    target.fire("gw-2")
    target.run(600)
    assert "gw-1" not in " ".join(target.actions)


def test_a_replacement_that_crash_loops_with_a_ready_second_now_and_then_is_never_a_success():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(45)
    fresh = next(name for name in target.pods if "+" in name)
    for restarts in range(1, 60):
        target.pods[fresh] = replace(target.pods[fresh], restarts=restarts)
        target.pod_ready(fresh, ready=restarts % 4 == 0)
        target.run(60)
    assert (target.phase, target.status.reason) == (Phase.HANDED_OVER, "GatedTooLong")
    assert fresh in target.status.message


def test_firing_that_becomes_pending_after_a_restart_of_prometheus_is_not_cleared():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1", "gw-2")
    target.clear("gw-2")
    target.run(15)
    target.clear()
    target.world = replace(target.world, pending=frozenset({("CircuitBreakerOpen", "gw-1", "request")}))
    target.run(900)
    assert target.phase is Phase.SETTLING
    assert target.status.reason == "AlertPending"
    target.world = replace(target.world, pending=frozenset())
    target.fire("gw-1")
    target.run(15)
    assert target.actions == ["915 RestartPods gw-1"]


def test_an_alert_that_prometheus_does_not_confirm_any_more_makes_the_incident_unknown_and_not_cleared():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(15)
    for key, alert in target.alerts.items():
        target.alerts[key] = replace(alert, confirmed=False)
    target.run(900)
    assert target.phase is Phase.SETTLING
    assert target.status.reason == "AlertAmbiguous"


def test_an_alert_that_loses_its_pod_label_makes_the_incident_unknown_and_not_cleared():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(15)
    target.clear()
    target.alerts["", "request"] = make_alert("")
    target.run(900)
    assert target.phase is Phase.SETTLING
    assert target.status.reason == "AlertAmbiguous"


def test_matchers_edited_so_that_a_firing_alert_is_not_selected_make_the_incident_unknown():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(15)
    target.policy = make_policy(alerts=['alertname="Other"'])
    target.run(900)
    assert target.phase is Phase.SETTLING
    assert target.status.reason == "AlertAmbiguous"


def test_a_wall_clock_that_is_set_back_prolongs_no_wait():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(30)
    target.now -= timedelta(hours=1)
    target.run(60)
    assert len(target.actions) == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rollout_paused": True}, "RolloutPaused"),
        ({"namespace_terminating": True}, "NamespaceTerminating"),
        (
            {"autoscaler": Autoscaler(ScaleKind.SCALED_OBJECT, "gw", 2, 9, paused=True)},
            "AutoscalerPaused",
        ),
    ],
)
def test_a_target_that_others_paused_is_left_alone(change, reason):
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.change(**change)
    target.run(120)
    assert target.actions == []
    assert target.status.reason == reason


def test_a_stateful_pod_of_the_same_name_whose_breaker_is_open_again_counts_as_firing():
    target = SimulatedTarget(make_policy())
    target.fire("gw-0")
    created = START + timedelta(minutes=5)
    target.pods["gw-0"] = replace(target.pods["gw-0"], created_at=created, breakers={REQUEST: 1})
    target.run(600)
    assert target.actions == ["45 RestartPods gw-0"]


def test_an_alert_of_a_predecessor_says_so_and_not_that_it_is_silenced():
    target = SimulatedTarget(make_policy())
    target.fire("gw-0")
    target.run(15)
    created = START + timedelta(minutes=5)
    target.pods["gw-0"] = replace(target.pods["gw-0"], created_at=created, breakers={REQUEST: 0})
    target.run(60)
    assert target.actions == []
    assert target.status.reason == "PredecessorAlert"
    assert "silenced" not in target.status.message


def test_a_target_scaled_to_zero_ends_with_that_reason():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(60)
    target.pods.clear()
    target.clear()
    target.change(replicas=0, pods=())
    target.run(600)
    assert (target.phase, target.status.reason) == (Phase.NOT_NEEDED, "ScaledToZero")
