"""The charts' READMEs are up to date, and every value is documented."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest
import yaml

from support.charts import GATEWAY_CHART, JAEGER_CHART, REMEDIATOR_CHART, SANDBOX_CHART
from support.programs import load_program
from support.tools import ROOT

CHARTS = [GATEWAY_CHART, JAEGER_CHART, REMEDIATOR_CHART, SANDBOX_CHART]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    """scripts/generators/chart_readme.py, which is a program and not a package."""
    return load_program("scripts/generators/chart_readme.py")


@pytest.mark.parametrize("chart", CHARTS, ids=lambda chart: chart.name)
def test_what_is_generated_is_up_to_date(generator: ModuleType, chart: Path) -> None:
    for file, text in generator.files(chart).items():
        assert file.read_text() == text


def test_an_undocumented_value_is_an_error(generator: ModuleType) -> None:
    with pytest.raises(generator.DocumentationError, match=r"a\.c has no comment"):
        list(generator.documented_values("a:\n  # -- The b.\n  b: 1\n  c: 2\n"))


def test_a_comment_may_continue(generator: ModuleType) -> None:
    (value,) = generator.documented_values("# A head that is no value's.\n# -- First\n# second.\na: {b: 1}\n")
    assert (value.path, value.default, value.text) == ("a", {"b": 1}, "First second.")


@pytest.mark.parametrize("chart", [GATEWAY_CHART, SANDBOX_CHART], ids=lambda chart: chart.name)
def test_the_versions_of_chart_and_program_agree(chart: Path) -> None:
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    project = (ROOT / "pyproject.toml").read_text()
    assert f'version = "{about["appVersion"]}"' in project
