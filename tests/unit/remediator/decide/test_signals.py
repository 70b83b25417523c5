"""A lost signal is not recovery: what is not known is never acted on, and never a success."""

from dataclasses import replace

import pytest

from remediator.api.remediation import Phase
from remediator.decide.observed import Observed
from remediator.decide.opening import open_remediation
from support.incident import Cluster, make_alert, make_policy

LOST = [
    (Observed(alertmanager_up=False), "AlertmanagerUnreachable"),
    (Observed(prometheus_up=False), "PrometheusNotProven"),
]


@pytest.mark.parametrize(("world", "reason"), LOST)
def test_nothing_is_opened_and_nothing_started_on_a_lost_signal(world, reason):
    cluster = Cluster(make_policy())
    cluster.world = world
    cluster.fire("gw-1")
    cluster.run(600)
    assert cluster.remediations == []

    started = Cluster(make_policy())
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
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(45)
    cluster.world = world
    cluster.clear()
    cluster.run(1200)
    assert cluster.phase is Phase.VERIFYING
    assert cluster.status.reason == reason


def test_unknown_stops_the_verify_clock():
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(45)
    cluster.fire(next(name for name in cluster.pods if "+" in name))
    cluster.run(60)
    until = cluster.status.verify_until
    cluster.world = Observed(prometheus_up=False)
    cluster.run(600)
    cluster.world = Observed()
    cluster.run(15)
    # Unknown from the first look that found nothing to the first that found something again.
    assert (cluster.status.verify_until - until).total_seconds() == pytest.approx(600, abs=15)
    assert cluster.phase is Phase.VERIFYING


def test_unknown_stops_the_stable_clock():
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(120)
    assert cluster.status.reason == "Stabilising"
    cluster.world = Observed(alertmanager_up=False)
    cluster.run(600)
    cluster.world = Observed()
    cluster.run(90)
    assert cluster.phase is Phase.VERIFYING
    cluster.run(120)
    assert cluster.phase is Phase.SUCCEEDED


def test_half_an_hour_of_unknown_is_handed_over():
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(45)
    cluster.world = Observed(prometheus_up=False)
    cluster.run(1785)
    assert cluster.phase is Phase.VERIFYING
    cluster.run(15)
    assert (cluster.phase, cluster.status.reason) == (Phase.HANDED_OVER, "UnknownTooLong")


@pytest.mark.parametrize("changes", [{"pods": None, "replicas": None}, {"replicas": None}])
def test_a_workload_that_is_not_known_is_not_touched(changes):
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(30)
    cluster.change(**changes)
    if "pods" in changes:
        cluster.workload = None
    cluster.run(600)
    assert cluster.actions == []
    assert cluster.status.reason == "WorkloadUnknown"


@pytest.mark.parametrize("state", ["suppressed", "unprocessed"])
def test_a_suppressed_alert_starts_nothing_and_is_not_cleared(state):
    silent = Cluster(make_policy())
    silent.fire("gw-1", state=state)
    silent.run(600)
    assert silent.remediations == []

    running = Cluster(make_policy())
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
    cluster = Cluster(make_policy())
    cluster.fire("gw-1")
    cluster.run(300)
    assert ("gw-1", "request") in cluster.alerts
    assert cluster.phase is Phase.SUCCEEDED


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
    cluster = Cluster(make_policy())
    cluster.world = Observed(alerts=(make_alert(labels.pop("pod", "gw-1"), **labels),))
    cluster.run(120)
    assert cluster.remediations == []
    opening = open_remediation(cluster.policy, [], cluster.observe(), cluster.now)
    assert opening.reason == reason
    assert len(opening.message) < 500
    assert [item.reason for item in opening.ignored] == [reason]


def test_an_alert_that_prometheus_does_not_confirm_is_not_evidence():
    cluster = Cluster(make_policy())
    cluster.world = Observed(alerts=(replace(make_alert("gw-1"), confirmed=False),))
    cluster.run(120)
    assert cluster.remediations == []
