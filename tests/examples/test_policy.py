"""examples/policy passes its own tests, and the API server would accept it."""

from __future__ import annotations

import pytest
import yaml

from chart.validation import validate
from remediator.api.policy import Mode, Policy
from remediator.policy_test.cli import main
from support.tools import ROOT

FOLDER = ROOT / "examples/policy"


def test_the_policy_passes_its_unit_tests(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(FOLDER / "scale-out_test.yaml")]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("ok ") for line in lines)


def test_the_api_server_accepts_the_policy_and_it_starts_dry() -> None:
    manifest = yaml.safe_load((FOLDER / "scale-out.yaml").read_text())
    validate(manifest)
    assert Policy.from_object(manifest).spec.mode is Mode.DRY_RUN
