"""The policy that the chart renders is the one that its tests are about, and it passes them."""

from pathlib import Path

import yaml

from remediator.api.policy import Policy
from remediator.policy_test.cli import main
from remediator.policy_test.document import load_test_file
from support.charts import GATEWAY_CHART, NAMESPACE, gateway

TESTS = GATEWAY_CHART / "policy-tests" / "default_test.yaml"


def _rendered():
    (body,) = gateway({"operator": {"policy": {"mode": "Enforce"}}}).kind("RemediationPolicy")
    return body


def test_the_rendered_policy_is_the_tested_one():
    tested, _ = load_test_file(TESTS)
    rendered = Policy.from_object(_rendered())
    assert rendered.spec == tested.spec
    assert rendered.name == tested.name


def test_the_rendered_policy_passes(tmp_path: Path, capsys):
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(_rendered()))
    assert main([str(TESTS), "--policy", str(path), "--namespace", NAMESPACE]) == 0, capsys.readouterr().out
