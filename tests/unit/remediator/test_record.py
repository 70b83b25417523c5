"""A recording's lines are what ``replay`` reads."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from remediator.api.names import Backend, PodName, PodUid
from remediator.api.policy import Policy
from remediator.api.remediation import ScaleKind
from remediator.decide.observed import ABSENT, Autoscaler, Evaluation, ObservedPod, Workload
from remediator.record import as_line
from remediator.replay.recording import read_recording
from remediator.replay.world import RecordedWorld

POD = ObservedPod(name=PodName("web-a"), uid=PodUid("u"), ready=True, restarts=2)


def test_workload_survives_the_way_through_a_recording() -> None:
    workload = Workload(
        replicas=3,
        pods=(POD,),
        rollout_complete=False,
        disruptions_allowed=1,
        autoscaler=Autoscaler(ScaleKind.HORIZONTAL_POD_AUTOSCALER, "web", 2, 6),
        paused=False,
    )
    line = json.dumps({"at": "2026-01-01T00:00:00Z", "alerts": [], "workload": as_line(workload)})
    (observation,) = read_recording([line])
    found = observation.workload
    assert found is not None
    assert found.pods is not None
    assert (found.replicas, found.rollout, found.paused) == (3, "progressing", False)
    assert [(pod.name, pod.ready, pod.restarts) for pod in found.pods] == [("web-a", True, 2)]
    assert found.pdb is not None
    assert found.hpa is not None
    assert (found.pdb.disruptionsAllowed, found.hpa.minReplicas, found.hpa.maxReplicas) == (1, 2, 6)


def test_what_does_not_exist_is_null_and_what_is_unknown_is_left_out() -> None:
    assert as_line(Workload(disruptions_allowed=ABSENT, autoscaler=ABSENT)) | {"pdb": None, "hpa": None} == as_line(
        Workload(disruptions_allowed=ABSENT, autoscaler=ABSENT)
    )
    assert {"pdb", "hpa"}.isdisjoint(as_line(Workload()))


def test_evidence_survives_the_way_through_a_recording_and_back_into_what_is_observed() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    backend = Backend("request")
    pod = replace(
        POD,
        created_at=at,
        breakers={backend: 1},
        breaker_opened={backend: at},
        last_success={},
        successes=frozenset({backend}),
        scraped_at=at,
    )
    workload = Workload(replicas=1, pods=(pod,), rollout_paused=True, cannot_run="no room")
    line = {
        "at": "2026-01-01T00:00:00Z",
        "alerts": [],
        "alertmanagerStartedAt": "2026-01-01T00:00:00Z",
        "pending": [{"alertname": "A", "pod": "web-a", "service_name": "request"}],
        "evaluations": {"A": {"at": "2026-01-01T00:00:00Z", "interval": 15.0}},
        "workload": as_line(workload),
    }
    (observation,) = read_recording([json.dumps(line)])
    policy = Policy.from_object(
        {"metadata": {"name": "p"}, "spec": {"targetRef": {"name": "web"}, "alerts": ['alertname="A"']}}
    )
    observed = RecordedWorld(policy).observe(observation, [], "")
    assert observed.workload is not None
    assert observed.workload.pods == (replace(pod, uid=PodUid("web-a#0")),)
    assert (observed.workload.rollout_paused, observed.workload.cannot_run) == (True, "no room")
    assert observed.has_prometheus
    assert observed.pending == {("A", "web-a", "request")}
    assert observed.evaluations == {"A": Evaluation(at, timedelta(seconds=15))}
    assert observed.alertmanager_started_at == at


def test_evidence_that_is_not_recorded_is_judged_as_without_prometheus() -> None:
    workload = as_line(Workload(replicas=1, pods=(POD,)))
    (observation,) = read_recording([json.dumps({"at": "2026-01-01T00:00:00Z", "alerts": [], "workload": workload})])
    policy = Policy.from_object(
        {"metadata": {"name": "p"}, "spec": {"targetRef": {"name": "web"}, "alerts": ['alertname="A"']}}
    )
    assert not RecordedWorld(policy).observe(observation, [], "").has_prometheus
