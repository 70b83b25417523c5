"""The command: its lines are the contract, so each field of them is checked."""

import json
from pathlib import Path

import pytest

from remediator.replay.cli import main

RECORDINGS = Path(__file__).resolve().parents[3] / "recordings"
POLICY = """\
# A file may hold other objects too.
apiVersion: v1
kind: ConfigMap
metadata: {name: other}
---
apiVersion: remediation.bot-gateway.dev/v1alpha1
kind: RemediationPolicy
metadata: {name: breaker, namespace: bots}
spec:
  targetRef: {name: gw}
  mode: Enforce
  alerts: ['alertname="CircuitBreakerOpen"']
"""
KEYS = ["at", "remediation", "phase", "action", "pods", "replicas", "reason", "message"]


@pytest.fixture(name="policy")
def _policy(tmp_path):
    path = tmp_path / "p.yaml"
    path.write_text(POLICY)
    return path


def _replay(policy, recording, *more):
    return main(["--policy", str(policy), "--recording", str(recording), *more])


def test_json_prints_one_decision_a_line_and_nothing_else(policy, capsys):
    assert _replay(policy, RECORDINGS / "one-pod.jsonl", "--output", "json") == 0
    out, err = capsys.readouterr()
    lines = [json.loads(line) for line in out.splitlines()]
    assert err == ""
    assert all(list(line) == KEYS for line in lines)
    acting = [line for line in lines if line["action"] != "None"]
    assert len(acting) == 1
    assert {key: acting[0][key] for key in KEYS[:-1]} == {
        "at": "2026-03-02T10:00:45Z",
        "remediation": "breaker-1",
        "phase": "Acting",
        "action": "RestartPods",
        "pods": ["gw-b"],
        "replicas": None,
        "reason": "MinorityAffected",
    }
    assert acting[0]["message"].endswith(".")
    phases = list(dict.fromkeys(line["phase"] for line in lines))
    assert phases == ["Pending", "Settling", "Acting", "Verifying", "Succeeded"]


def test_a_reason_not_to_act_is_printed_when_it_changes_only(policy, capsys):
    assert _replay(policy, RECORDINGS / "disruption-budget-in-the-way.jsonl", "--output", "json") == 0
    reasons = [json.loads(line)["reason"] for line in capsys.readouterr().out.splitlines()]
    assert reasons == ["AlertFiring", "Settling", "DisruptionBudget", "GatedTooLong", "HandedOver"]


def test_where_no_incident_begins_the_line_says_so(policy, capsys):
    assert _replay(policy, RECORDINGS / "nobody-of-ours.jsonl", "--output", "json") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [(line["remediation"], line["phase"], line["reason"]) for line in lines] == [(None, None, "OtherNamespace")]


def test_text_is_for_people(policy, capsys):
    assert _replay(policy, RECORDINGS / "one-pod.jsonl") == 0
    out = capsys.readouterr().out
    assert "2026-03-02T10:00:45Z  breaker-1 Acting RestartPods gw-b  MinorityAffected: 1 of 3 ready pods" in out


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a: [", "is not YAML"),
        ("kind: ConfigMap", "holds 0 objects of kind RemediationPolicy"),
        (POLICY.replace("targetRef: {name: gw}", "targetRef: {}"), "spec.targetRef.name: Field required"),
        (POLICY.replace("Enforce", "Enforce\n  bogus: 1"), "spec.bogus"),
        (
            POLICY.replace("Enforce", "Enforce\n  escalation: [{action: ScaleOut, when: Any}]"),
            "ScaleOut needs `by` and `max`",
        ),
    ],
)
def test_an_unusable_policy_is_one_line_on_stderr(policy, capsys, text, complaint):
    policy.write_text(text)
    assert _replay(policy, RECORDINGS / "one-pod.jsonl") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert complaint in err
    assert err.count("\n") == 1


def test_an_unusable_recording_is_one_line_on_stderr(policy, tmp_path, capsys):
    assert _replay(policy, tmp_path / "none.jsonl") == 2
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{}\n")
    assert _replay(policy, broken) == 2
    assert capsys.readouterr().err.count("\n") == 2
