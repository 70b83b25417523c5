"""Reading recordings: what a line leaves out is unknown, and a wrong line is named."""

import json

import pytest

from remediator.api.policy import Policy
from remediator.decide.observed import ABSENT, AlertState, Autoscaler, ScaleKind
from remediator.replay.recording import RecordingError, read_recording
from remediator.replay.world import RecordedWorld

AT = "2026-03-02T10:00:00Z"
POLICY = Policy.from_object(
    {"metadata": {"name": "p"}, "spec": {"targetRef": {"name": "gw"}, "alerts": ['alertname="A"']}}
)


def _observe(**line):
    (observation,) = read_recording([json.dumps({"at": AT, **line})])
    return RecordedWorld(POLICY).observe(observation, [], "")


def test_signals_are_up_where_a_line_does_not_say():
    observed = _observe(alerts=[])
    assert observed.alertmanager_up
    assert observed.prometheus_up
    assert not _observe(alerts=[], alertmanager="down").alertmanager_up
    assert not _observe(alerts=[], prometheus="down").prometheus_up


def test_a_line_without_alerts_is_not_a_line_with_no_alerts():
    assert not _observe().alertmanager_up


@pytest.mark.parametrize("line", [{}, {"workload": None}])
def test_a_missing_or_null_workload_is_unknown(line):
    assert _observe(alerts=[], **line).workload is None


def test_inside_the_workload_a_missing_key_is_unknown_and_null_means_none_for_pdb_and_hpa():
    unknown = _observe(alerts=[], workload={}).workload
    assert (unknown.replicas, unknown.pods, unknown.rollout_complete, unknown.paused) == (None, None, None, None)
    assert (unknown.disruptions_allowed, unknown.autoscaler) == (None, None)
    none = _observe(alerts=[], workload={"pdb": None, "hpa": None}).workload
    assert (none.disruptions_allowed, none.autoscaler) == (ABSENT, ABSENT)


def test_a_full_workload():
    workload = _observe(
        alerts=[],
        workload={
            "replicas": 2,
            "pods": [{"name": "a", "ready": True, "restarts": 1}, {"name": "b"}],
            "rollout": "progressing",
            "pdb": {"disruptionsAllowed": 1},
            "hpa": {"minReplicas": 2, "maxReplicas": 5},
            "paused": True,
        },
    ).workload
    assert [(pod.name, pod.ready, pod.restarts) for pod in workload.pods] == [("a", True, 1), ("b", False, 0)]
    assert (workload.replicas, workload.rollout_complete, workload.paused) == (2, False, True)
    assert workload.disruptions_allowed == 1
    assert workload.autoscaler == Autoscaler(ScaleKind.HORIZONTAL_POD_AUTOSCALER, "gw", 2, 5)
    assert workload.allowed


def test_an_alert_as_alertmanager_has_it_and_a_bare_one():
    full = {
        "labels": {"alertname": "A", "pod": "a"},
        "annotations": {"summary": "x"},
        "startsAt": "2026-03-02T09:59:00.123456789+00:00",
        "endsAt": "2026-03-02T09:59:30Z",
        "fingerprint": "f1",
        "status": {"state": "suppressed", "silencedBy": ["s"], "inhibitedBy": []},
        "receivers": [{"name": "r"}],
        "generatorURL": "",
    }
    first, second = _observe(alerts=[full, {"labels": {"alertname": "A"}}]).alerts
    assert (first.fingerprint, first.state, first.starts_at.minute) == ("f1", AlertState.SUPPRESSED, 59)
    assert second.state is AlertState.ACTIVE
    assert second.fingerprint


def test_alerts_are_the_last_known_ones_while_alertmanager_is_down():
    world = RecordedWorld(POLICY)
    lines = [
        json.dumps({"at": AT, "alerts": [{"labels": {"alertname": "A"}}]}),
        json.dumps({"at": "2026-03-02T10:00:15Z", "alerts": [], "alertmanager": "down"}),
    ]
    first, second = read_recording(lines)
    world.observe(first, [], "")
    observed = world.observe(second, [], "")
    assert len(observed.alerts) == 1
    assert observed.alerts_read_at == first.at


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["{"], "line 1: not JSON"),
        (["", "[]"], "line 2: the line"),
        (['{"alerts": []}'], "line 1: at"),
        (['{"at": "2026-03-02T10:00:00"}'], "line 1: at"),
        (['{"at": "2026-03-02T10:00:00Z", "alertmanager": "asleep"}'], "line 1: alertmanager"),
        (['{"at": "2026-03-02T10:00:01Z"}', '{"at": "2026-03-02T10:00:00Z"}'], "line 2: its time"),
    ],
)
def test_a_wrong_line_is_named(lines, message):
    with pytest.raises(RecordingError, match=f"^{message}"):
        list(read_recording(lines))
