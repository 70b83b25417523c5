"""The charts' ci files, each rendered by every Helm there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.charts import (
    GATEWAY_CHART,
    JAEGER_CHART,
    REMEDIATOR_CHART,
    SANDBOX_CHART,
    Rendering,
    helm_programs,
    render,
)

CHARTS = (GATEWAY_CHART, JAEGER_CHART, REMEDIATOR_CHART, SANDBOX_CHART)
CI_FILES = [file for chart in CHARTS for file in sorted((chart / "ci").glob("*-values.yaml"))]


def ci_name(file: Path) -> str:
    return f"{file.parents[1].name}-{file.name.removesuffix('-values.yaml')}"


@pytest.fixture(params=CI_FILES, ids=ci_name)
def ci_file(request: pytest.FixtureRequest) -> Path:
    """One of the values files in a chart's ci/."""
    file: Path = request.param
    return file


@pytest.fixture(params=[4, 3], ids=["helm4", "helm3"])
def helm(request: pytest.FixtureRequest) -> str:
    """A Helm of that major version; the test skips where there is none."""
    program = helm_programs().get(request.param)
    if program is None:
        pytest.skip(f"Helm {request.param} is missing: put it on PATH as helm or helm{request.param}")
    return program


@pytest.fixture
def rendered(ci_file: Path, helm: str) -> Rendering:
    """A ci file rendered."""
    chart = ci_file.parents[1]
    return render(chart, files=(ci_file,), release=chart.name, helm=helm)
