"""Whatever a recording holds, a replay comes to its end, and its lines keep to their rules."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings, strategies as st

from remediator.api.policy import Action, Policy
from remediator.api.remediation import Phase
from remediator.replay.engine import Replay
from remediator.replay.recording import Observation

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
POLICY = Policy.from_object(
    {
        "metadata": {"name": "breaker", "namespace": "bots"},
        "spec": {
            "targetRef": {"name": "gw"},
            "mode": "Enforce",
            "alerts": ['alertname="X"'],
            "escalation": [
                {"action": "RestartPods", "verify": {"timeout": "1m"}},
                {"action": "ScaleOut", "when": "Any", "by": 2, "max": 9, "verify": {"timeout": "1m"}},
                {"action": "RolloutRestart", "verify": {"timeout": "1m"}},
            ],
            "guards": {"cooldown": "1m"},
        },
    }
)
PODS = ["gw-a", "gw-b", "gw-c", "gw-d"]
ALERT = st.fixed_dictionaries(
    {
        "labels": st.fixed_dictionaries(
            {"alertname": st.sampled_from(["X", "X", "X", "Y"])},
            optional={
                "pod": st.sampled_from([*PODS, "stranger", ""]),
                "namespace": st.sampled_from(["bots", "bots", "tenant-b"]),
                "service_name": st.sampled_from(["auth", "request"]),
            },
        )
    },
    optional={"status": st.fixed_dictionaries({"state": st.sampled_from(["active", "suppressed", "unprocessed"])})},
)
WORKLOAD = st.none() | st.fixed_dictionaries(
    {},
    optional={
        "replicas": st.integers(0, 9),
        "pods": st.lists(
            st.fixed_dictionaries({"name": st.sampled_from(PODS)}, optional={"ready": st.booleans()}),
            unique_by=lambda pod: pod["name"],
        ),
        "rollout": st.sampled_from(["complete", "complete", "progressing"]),
        "pdb": st.none() | st.fixed_dictionaries({"disruptionsAllowed": st.integers(0, 2)}),
        "hpa": st.none() | st.fixed_dictionaries({"minReplicas": st.integers(1, 3), "maxReplicas": st.integers(3, 9)}),
        "paused": st.just(False) | st.booleans(),
    },
)
WHOLE = st.just(
    {
        "replicas": 4,
        "pods": [{"name": name, "ready": True} for name in PODS],
        "rollout": "complete",
        "pdb": None,
        "hpa": None,
        "paused": False,
    }
)
UP_OR_DOWN = st.sampled_from(["up", "up", "up", "down"])
LINE = st.fixed_dictionaries(
    {"alerts": st.lists(ALERT, max_size=5), "workload": WHOLE | WORKLOAD},
    optional={"alertmanager": UP_OR_DOWN, "prometheus": UP_OR_DOWN},
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([0, 15, 60, 600]), LINE), max_size=40))
def test_any_recording(lines):
    replay = Replay(POLICY)
    at = START
    for seconds, line in lines:
        at += timedelta(seconds=seconds)
        told = list(replay.step(Observation.model_validate({"at": at, **line})))
        for decision in told:
            assert decision.at == at
            assert decision.reason[:1].isupper()
            assert decision.reason.isalnum()
            assert decision.message.endswith(".")
            if decision.action is not Action.NONE:
                assert decision.phase in {Phase.ACTING, Phase.REVERTING}
                assert (decision.action is Action.RESTART_PODS) is bool(decision.pods)
                assert (decision.action in {Action.SCALE_OUT, Action.REVERT}) is (decision.replicas is not None)
        blind = "down" in (line.get("alertmanager"), line.get("prometheus")) or not line["workload"]
        assert not blind or all(decision.action is Action.NONE for decision in told)
    assert sum(1 for item in replay.remediations if item.active) <= 1
