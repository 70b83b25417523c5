"""examples/gitops: the values render, and the ignored fields are exactly those that the operator changes."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from chart.validation import validate
from remediator.api.names import RESTARTED_FOR_ANNOTATION
from support.charts import Rendering, render
from support.tools import ROOT

FOLDER = ROOT / "examples/gitops"
ARGO = yaml.safe_load((FOLDER / "argocd.yaml").read_text())["spec"]
_, FLUX_RELEASE = yaml.safe_load_all((FOLDER / "flux.yaml").read_text())
FLUX = FLUX_RELEASE["spec"]
VALUES = {"argocd": ARGO["source"]["helm"]["valuesObject"], "flux": FLUX["values"]}
RESTART = "/spec/template/metadata/annotations/" + RESTARTED_FOR_ANNOTATION.replace("/", "~1")
CHANGED = {
    "Deployment": ["/spec/replicas", RESTART],
    "HorizontalPodAutoscaler": ["/spec/minReplicas"],
    "ScaledObject": ["/spec/minReplicaCount"],
}
"""What ScaleOut and RolloutRestart change, by kind."""


def rendered(tool: str, **more: Any) -> Rendering:
    return render(values={**VALUES[tool], **more}, namespace="bots")


@pytest.mark.parametrize("tool", VALUES)
def test_the_values_render_to_valid_objects(tool: str) -> None:
    for manifest in rendered(tool).manifests:
        validate(manifest)


def test_argo_cd_ignores_what_the_operator_changes_and_does_not_reset_it() -> None:
    assert {item["kind"]: item["jsonPointers"] for item in ARGO["ignoreDifferences"]} == CHANGED
    assert "RespectIgnoreDifferences=true" in ARGO["syncPolicy"]["syncOptions"]


def test_flux_ignores_what_the_operator_changes() -> None:
    assert {item["target"]["kind"]: item["paths"] for item in FLUX["driftDetection"]["ignore"]} == CHANGED


@pytest.mark.parametrize("tool", VALUES)
def test_the_ignored_objects_have_their_names(tool: str) -> None:
    ignored = ARGO["ignoreDifferences"] if tool == "argocd" else [x["target"] for x in FLUX["driftDetection"]["ignore"]]
    with_keda = rendered(tool, autoscaling={"enabled": True, "keda": {"enabled": True}})
    for item in ignored:
        assert rendered(tool).has(item["kind"], item["name"]) or with_keda.has(item["kind"], item["name"])


@pytest.mark.parametrize("tool", VALUES)
def test_the_autoscaler_alone_sets_the_replicas(tool: str) -> None:
    """These tools render without live objects, so the chart must leave the field out."""
    assert "replicas" not in rendered(tool).one("Deployment", "bot-gateway")["spec"]
