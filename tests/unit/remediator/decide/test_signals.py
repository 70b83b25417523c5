"""A lost signal is not recovery: what is not known is never acted on, and never a success."""

from dataclasses import replace

import pytest

from remediator.api.remediation import Phase
from remediator.decide.observed import Observed
from remediator.decide.opening import open_remediation
from support.incident import SimulatedTarget, make_alert, make_policy

LOST = [
    (Observed(alertmanager_up=False), "AlertmanagerUnreachable"),
    (Observed(prometheus_up=False), "PrometheusNotProven"),
]


@pytest.mark.parametrize(("world", "reason"), LOST)
def test_nothing_is_opened_and_nothing_started_on_a_lost_signal(world, reason):
    target = SimulatedTarget(make_policy())
    target.world = world
    target.fire("gw-1")
    target.run(600)
    assert target.remediations == []

    started = SimulatedTarget(make_policy())
    started.fire("gw-1")
    started.run(30)
    started.world = world
    started.run(600)
    assert started.actions == []
    assert started.status.reason == reason
    assert started.condition("Signals") == "False"
    assert started.condition("Cleared") == "Unknown"


@pytest.mark.parametrize(("world", "reason"), LOST)
def test_an_alert_that_vanishes_with_its_signal_is_no_success(world, reason):
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(45)
    target.world = world
    target.clear()
    target.run(1200)
    assert target.phase is Phase.VERIFYING
    assert target.status.reason == reason


def test_unknown_stops_the_verify_clock():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(45)
    target.fire(next(name for name in target.pods if "+" in name))
    target.run(60)
    until = target.status.verify_until
    target.world = Observed(prometheus_up=False)
    target.run(600)
    target.world = Observed()
    target.run(15)
    # Unknown from the first look that found nothing to the first that found something again.
    assert (target.status.verify_until - until).total_seconds() == pytest.approx(600, abs=15)
    assert target.phase is Phase.VERIFYING


def test_unknown_stops_the_stable_clock():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(120)
    assert target.status.reason == "Stabilising"
    target.world = Observed(alertmanager_up=False)
    target.run(600)
    target.world = Observed()
    target.run(90)
    assert target.phase is Phase.VERIFYING
    target.run(120)
    assert target.phase is Phase.SUCCEEDED


def test_half_an_hour_of_unknown_is_handed_over():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(45)
    target.world = Observed(prometheus_up=False)
    target.run(1785)
    assert target.phase is Phase.VERIFYING
    target.run(15)
    assert (target.phase, target.status.reason) == (Phase.HANDED_OVER, "UnknownTooLong")


@pytest.mark.parametrize("changes", [{"pods": None, "replicas": None}, {"replicas": None}])
def test_a_workload_that_is_not_known_is_not_touched(changes):
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(30)
    target.change(**changes)
    if "pods" in changes:
        target.workload = None
    target.run(600)
    assert target.actions == []
    assert target.status.reason == "WorkloadUnknown"


@pytest.mark.parametrize("state", ["suppressed", "unprocessed"])
def test_a_suppressed_alert_starts_nothing_and_is_not_cleared(state):
    silent = SimulatedTarget(make_policy())
    silent.fire("gw-1", state=state)
    silent.run(600)
    assert silent.remediations == []

    running = SimulatedTarget(make_policy())
    running.fire("gw-1")
    running.run(45)
    fresh = next(name for name in running.pods if "+" in name)
    running.clear()
    running.fire(fresh, state=state)
    running.run(1200)
    assert len(running.actions) == 1
    assert running.phase is Phase.GATED
    assert running.status.reason == "AlertSuppressed"


def test_an_alert_whose_pod_is_gone_counts_as_cleared():
    target = SimulatedTarget(make_policy())
    target.fire("gw-1")
    target.run(300)
    assert ("gw-1", "request") in target.alerts
    assert target.phase is Phase.SUCCEEDED


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({"pod": ""}, "NoPodLabel"),
        ({"pod": "someone-elses"}, "NotOurPod"),
        ({"namespace": "tenant-b"}, "OtherNamespace"),
        ({"pod": "{{ $labels.pod }}"}, "NotOurPod"),
        ({"pod": "x" * 100_000}, "NotOurPod"),
    ],
)
def test_a_foreign_or_hostile_alert_opens_nothing_and_says_why(labels, reason):
    target = SimulatedTarget(make_policy())
    target.world = Observed(alerts=(make_alert(labels.pop("pod", "gw-1"), **labels),))
    target.run(120)
    assert target.remediations == []
    opening = open_remediation(target.policy, [], target.observe(), target.now)
    assert opening.reason == reason
    assert len(opening.message) < 500
    assert [item.reason for item in opening.ignored] == [reason]


def test_an_alert_that_prometheus_does_not_confirm_is_not_evidence():
    target = SimulatedTarget(make_policy())
    target.world = Observed(alerts=(replace(make_alert("gw-1"), confirmed=False),))
    target.run(120)
    assert target.remediations == []
