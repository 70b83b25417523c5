"""The unit tests of policies: what they catch, and that the default policy passes its own."""

from pathlib import Path

import pytest
import yaml

from remediator.policy_test.cli import main

DEFAULT = Path(__file__).resolve().parents[4] / "charts" / "bot-gateway" / "policy-tests" / "default_test.yaml"
ONE_POD = {
    "policy": {
        "kind": "RemediationPolicy",
        "metadata": {"name": "p", "namespace": "bots"},
        "spec": {"mode": "Enforce", "targetRef": {"name": "gw"}, "alerts": ['alertname="X"']},
    },
    "tests": [
        {
            "name": "one pod",
            "alerts": [{"series": 'X{pod="a"}', "values": "1x8"}],
            "workload": [{"pods": ["a", "b", "c"]}],
            "expect": [{"at": "45s", "action": "RestartPods", "pods": ["a"], "phase": "Verifying"}],
        }
    ],
}


@pytest.fixture(name="run")
def _run(tmp_path, capsys):
    def run(document=None, *more):
        path = tmp_path / "p_test.yaml"
        path.write_text(yaml.safe_dump(document or ONE_POD))
        code = main([str(path), *more])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


def _changed(**changes):
    test = {**ONE_POD["tests"][0], **changes}
    return {**ONE_POD, "tests": [test]}


def test_the_default_policy_passes_its_own_tests(capsys):
    assert main([str(DEFAULT)]) == 0
    assert "FAIL" not in capsys.readouterr().out


def test_a_test_that_holds(run):
    assert run() == (0, "ok    p_test.yaml: one pod\n", "")


@pytest.mark.parametrize(
    ("expect", "complaint"),
    [
        ([{"at": "45s"}], "45s: RestartPods a (MinorityAffected), which is not expected"),
        ([{"at": "1m"}], "45s: RestartPods a (MinorityAffected), which is not expected"),
        ([{"at": "45s", "action": "ScaleOut"}], "45s: ScaleOut expected, but RestartPods a (MinorityAffected)"),
        ([{"at": "45s", "action": "RestartPods", "pods": ["b"]}], "45s: pods ['b'] expected, got ['a']"),
        ([{"at": "45s", "action": "RestartPods", "phase": "Gated"}], "45s: phase Gated expected, got Verifying"),
        ([{"at": "45s", "action": "RestartPods", "reason": "Why"}], "45s: reason Why expected, got MinorityAffected"),
        (
            [{"at": "45s", "action": "RestartPods"}, {"at": "1m", "action": "RestartPods"}],
            "1m: RestartPods expected, but nothing is done",
        ),
    ],
)
def test_a_test_that_does_not_hold_says_what_came_instead(run, expect, complaint):
    code, out, _ = run(_changed(expect=expect))
    assert code == 1
    assert "FAIL  p_test.yaml: one pod" in out
    assert complaint in out


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ({"tests": []}, "policy: Field required"),
        (_changed(expect=[]), "tests.0.expect"),
        (_changed(expect=[{"at": "50s"}]), "nothing is observed at 50s, only every 15s"),
        (_changed(expect=[{"at": "45s"}, {"at": "45s"}]), "must rise"),
        (_changed(alerts=[{"series": "X{", "values": "1"}]), "is not a series"),
        (_changed(alerts=[{"series": "X", "values": "often"}]), "is not a value"),
        ({**ONE_POD, "policy": {"kind": "RemediationPolicy", "metadata": {"name": "p"}, "spec": {}}}, "targetRef"),
        ({**ONE_POD, "policy": "nowhere.yaml"}, "nowhere.yaml"),
    ],
)
def test_an_unusable_file_is_one_line_on_stderr(run, document, complaint):
    code, out, err = run(document)
    assert (code, out) == (2, "")
    assert complaint in err
    assert err.count("\n") == 1


def test_another_policy_can_be_put_to_the_same_tests(run, tmp_path):
    held = {**ONE_POD["policy"], "spec": {**ONE_POD["policy"]["spec"], "mode": "Paused"}}
    other = tmp_path / "other.yaml"
    other.write_text(yaml.safe_dump(held))
    code, out, _ = run(None, "--policy", str(other))
    assert code == 1
    assert "45s: RestartPods expected, but nothing is done" in out


def test_a_policy_without_a_namespace_gets_the_one_of_the_command(run, tmp_path):
    rendered = {**ONE_POD["policy"], "metadata": {"name": "p"}}
    other = tmp_path / "rendered.yaml"
    other.write_text(yaml.safe_dump(rendered))
    elsewhere = _changed(alerts=[{"series": 'X{pod="a",namespace="tenant-b"}', "values": "1x8"}], expect=[{"at": "1m"}])
    assert run(elsewhere, "--policy", str(other), "--namespace", "bots")[0] == 0
    assert run(elsewhere, "--policy", str(other), "--namespace", "tenant-b")[0] == 1
