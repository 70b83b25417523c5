"""The demo's copies of the chart's rules, routes and policy are up to date, with each Helm."""

from __future__ import annotations

from types import ModuleType

import pytest
import yaml

from support.charts import helm_programs
from support.programs import load_program
from support.tools import tool


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """scripts/generators/demo_chart.py, which is a program and not a package."""
    return load_program("scripts/generators/demo_chart.py")


def test_the_files_are_up_to_date(generator: ModuleType) -> None:
    for helm in helm_programs().values():
        made = generator.files(helm)
        assert made == {name: (generator.FOLDER / name).read_text() for name in made}, "run make generate"


def test_it_has_every_alert_of_the_gateway_and_none_of_the_operator(generator: ModuleType) -> None:
    groups = yaml.safe_load((generator.FOLDER / "rules.yml").read_text())["groups"]
    alerts = {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}
    own = {"alerts", "slo"}
    assert alerts == {
        rule["alert"] for name in own for rule in yaml.safe_load((generator.CHART / f"rules/{name}.yaml").read_text())
    }


def test_the_programs_accept_them(generator: ModuleType) -> None:
    for name, folder_file in (("promtool", "rules.yml"), ("amtool", "alertmanager.yml")):
        check = ["check", "rules"] if name == "promtool" else ["check-config"]
        done = generator.subprocess.run([tool(name), *check, generator.FOLDER / folder_file], capture_output=True)
        assert done.returncode == 0, done.stderr
