"""The monitoring stack's values files: fields that the Prometheus object knows, and what the specification asks for."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from chart.validation import SCHEMAS, closed
from support.charts import JAEGER_CHART, render
from support.tools import ROOT, run, tool

FOLDER = ROOT / "charts/monitoring-values"
BASE = "kube-prometheus-stack.yaml"
TUNINGS = ("prometheus-less-memory.yaml", "prometheus-high-cardinality.yaml")


def merged(one: dict[str, Any], two: dict[str, Any]) -> dict[str, Any]:
    """As Helm merges values files: objects by key, everything else replaced."""
    both = {**one, **two}
    for key in one.keys() & two.keys():
        if isinstance(one[key], dict) and isinstance(two[key], dict):
            both[key] = merged(one[key], two[key])
    return both


def values(*names: str) -> dict[str, Any]:
    return functools.reduce(merged, (yaml.safe_load((FOLDER / name).read_text()) for name in names))


def prometheus(*names: str) -> dict[str, Any]:
    spec: dict[str, Any] = values(*names)["prometheus"]["prometheusSpec"]
    # kube-prometheus-stack renames this one on its way into the object.
    spec["storage"] = spec.pop("storageSpec")
    return spec


@pytest.mark.parametrize("names", [(BASE,), *((BASE, tuning) for tuning in TUNINGS)], ids=lambda names: names[-1])
def test_every_field_is_one_of_the_prometheus_object(names: tuple[str, ...]) -> None:
    schema = closed(json.loads((SCHEMAS / "prometheus_v1.json").read_text()))
    jsonschema.Draft202012Validator(schema).validate({"spec": prometheus(*names)})


def test_retention_is_30_days_and_the_interval_15_seconds() -> None:
    spec = prometheus(BASE)
    assert (spec["retention"], spec["scrapeInterval"], spec["evaluationInterval"]) == ("30d", "15s", "15s")


def test_less_memory_keeps_enough_samples_for_the_slowest_alert() -> None:
    spec = prometheus(BASE, TUNINGS[0])
    assert (spec["retention"], spec["scrapeInterval"]) == ("7d", "30s")
    rules = (ROOT / "charts/bot-gateway/templates/prometheusrule.yaml").read_text()
    assert '"3d"' in rules, "the slow burn looks back three days"


@pytest.mark.parametrize("tuning", TUNINGS)
def test_blocks_are_of_two_hours_also_with_a_thanos_sidecar(tuning: str) -> None:
    """The Prometheus Operator refuses additionalArgs that it sets itself, as it does with a Thanos sidecar.

    Source: `buildArgs` and the block durations in pkg/prometheus/server/statefulset.go of prometheus-operator.
    """
    spec = prometheus(BASE, tuning)
    assert spec["disableCompaction"] is True
    assert not [argument for argument in spec.get("additionalArgs", []) if argument["name"].startswith("storage.")]


def test_every_file_is_explained() -> None:
    page = (FOLDER / "README.md").read_text()
    for file in FOLDER.glob("*.yaml"):
        assert f"`{file.name}`" in page


def test_jaeger_keeps_traces_in_elasticsearch() -> None:
    storage = yaml.safe_load(jaeger_config("elasticsearch"))["extensions"]["jaeger_storage"]["backends"]["traces"]
    assert storage == {"elasticsearch": {"server_urls": ["http://elasticsearch:9200"]}}


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["default", "elasticsearch"])
def test_jaeger_accepts_the_configuration(name: str, tmp_path: Path) -> None:
    file = tmp_path / "jaeger.yaml"
    file.write_text(jaeger_config(name))
    done = run(tool("jaeger"), "validate", "--config", str(file))
    assert done.returncode == 0, done.stderr


def jaeger_config(name: str) -> str:
    rendering = render(JAEGER_CHART, files=(JAEGER_CHART / f"ci/{name}-values.yaml",), release="jaeger")
    (config,) = rendering.one("ConfigMap", "jaeger")["data"].values()
    return str(config)
