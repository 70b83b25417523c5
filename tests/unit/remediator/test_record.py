"""A recording's lines are what ``replay`` reads."""

import json

from remediator.api.names import PodName, PodUid
from remediator.api.remediation import ScaleKind
from remediator.decide.observed import ABSENT, Autoscaler, ObservedPod, Workload
from remediator.record import as_line
from remediator.replay.recording import read_recording

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
