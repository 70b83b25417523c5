"""Recorded histories through the policy. Each says what must happen, not only what must not."""

from pathlib import Path

import pytest
import yaml

from remediator.api.names import PodName
from remediator.api.policy import Action, Policy
from remediator.api.remediation import Phase, PodEntry, PodRestartState, StepEntry
from remediator.decide.decision import Decision, EvictPod
from remediator.decide.draft import Draft
from remediator.decide.machine import decide
from remediator.policy_test.cli import main as run_policy_tests
from remediator.replay.engine import Replay
from remediator.replay.recording import read_recording

RECORDINGS = Path(__file__).resolve().parents[3] / "recordings"
NAMES = sorted(path.stem for path in RECORDINGS.glob("*.jsonl"))


POLICY_TESTS = sorted(RECORDINGS.glob("*_test.yaml"))


def _replayed(name, decider=decide):
    """Replay a recording; return what was done, how the incidents ended, and every line of it."""
    expected = yaml.safe_load((RECORDINGS / f"{name}.yaml").read_text())
    spec = {
        "targetRef": {"name": "gw"},
        "alerts": ['alertname="CircuitBreakerOpen"'],
        "mode": "Enforce",
        **expected["policy"],
    }
    policy = Policy.from_object({"metadata": {"name": "breaker", "namespace": "bots"}, "spec": spec})
    replay = Replay(policy, decider=decider)
    with (RECORDINGS / f"{name}.jsonl").open() as lines:
        decided = list(replay.run(read_recording(lines)))
    actions = [_described(line) for line in decided if line.action is not Action.NONE]
    ends = [str(item.status.phase) for item in replay.remediations]
    return expected, actions, ends, decided


def _described(line):
    what = " ".join(line.pods) or ("" if line.replicas is None else str(line.replicas))
    return f"{line.at:%H:%M:%S} {line.action} {what}".strip()


def _agrees(name, decider=decide):
    expected, actions, ends, decided = _replayed(name, decider)
    return (actions, ends) == (expected["actions"], expected["ends"]) and _reasons(decided) >= set(expected["reasons"])


def _reasons(decided):
    return {line.reason for line in decided}


@pytest.mark.parametrize("name", NAMES)
def test_history(name):
    expected, actions, ends, decided = _replayed(name)
    assert actions == expected["actions"]
    assert ends == expected["ends"]
    assert set(expected["reasons"]) <= _reasons(decided)
    for words in expected.get("messages", ()):
        assert any(words in line.message for line in decided), words


@pytest.mark.parametrize("path", POLICY_TESTS, ids=[path.stem for path in POLICY_TESTS])
def test_policy_test_passes(path, capsys):
    assert run_policy_tests([str(path)]) == 0, capsys.readouterr().out


def test_every_recording_has_an_expectation_and_every_expectation_a_recording():
    assert NAMES
    assert sorted(path.stem for path in RECORDINGS.glob("*.yaml") if path not in POLICY_TESTS) == NAMES
    assert POLICY_TESTS


def do_nothing(policy, remediation, observed, now):
    """A decider that never acts."""
    status = remediation.status
    return Decision(status, changed=False, announce=False, phase=status.phase, reason="Idle", message="")


def act_at_once(policy, remediation, observed, now):
    """A decider that restarts whatever an alert names, without waiting, counting or verifying."""
    draft = Draft(policy, remediation, now)
    named = {alert.pod for alert in observed.alerts}
    pods = [pod for pod in (observed.workload.pods if observed.workload else ()) if pod.name in named]
    if draft.has_acted:
        return draft.finish(Phase.SUCCEEDED, "Done", "Done.")
    if not pods:
        return do_nothing(policy, remediation, observed, now)
    entry = PodEntry(name=pods[0].name, uid=pods[0].uid, state=PodRestartState.EVICTING, intended_at=now)
    draft.add_step(StepEntry(index=0, action=Action.RESTART_PODS, started_at=now, pods=[entry]))
    intent = EvictPod(pods[0].name, pods[0].uid)
    return draft.act(Phase.ACTING, Action.RESTART_PODS, "Now", "Now.", intent, pods=(PodName(pods[0].name),))


@pytest.mark.parametrize("decider", [do_nothing, act_at_once])
def test_a_decider_without_judgement_fails_the_histories(decider):
    failed = [name for name in NAMES if not _agrees(name, decider)]
    assert len(failed) > len(NAMES) // 2
    # Not only on those that it should have left alone, or only on those that it should have mended.
    must_act = {name for name in NAMES if _replayed(name)[0]["actions"]}
    assert set(failed) & must_act
