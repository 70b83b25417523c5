"""The chart's ConfigMaps are what Grafana's dashboard sidecar looks for, and hold the committed JSON unchanged."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dashboards.committed import all_dashboards
from support import charts

API_SERVER_LIMIT = 1 << 20
FOLDER = "Bot Gateway"


@pytest.fixture(scope="module")
def config_maps() -> list[charts.Manifest]:
    """The ConfigMaps with the sidecar's label, as the chart's defaults make them."""
    found = charts.gateway().kind("ConfigMap")
    return [each for each in found if each["metadata"].get("labels", {}).get("grafana_dashboard") == "1"]


def test_there_is_one_for_each_dashboard(config_maps: list[charts.Manifest]) -> None:
    held = {name.removeprefix("bot-gateway-"): text for each in config_maps for name, text in each["data"].items()}
    assert {name: json.loads(text) for name, text in held.items()} == all_dashboards()
    assert len(config_maps) == len(held)


def test_each_names_the_folder(config_maps: list[charts.Manifest]) -> None:
    assert {each["metadata"]["annotations"]["grafana_folder"] for each in config_maps} == {FOLDER}


def test_the_api_server_takes_each(config_maps: list[charts.Manifest]) -> None:
    for each in config_maps:
        assert len(json.dumps(each).encode()) < API_SERVER_LIMIT


def test_label_folder_and_namespace_are_values() -> None:
    chosen: dict[str, Any] = {"labels": {"dash": "yes"}, "folderAnnotation": "k8s-folder", "folder": "Bots"}
    rendered = charts.gateway({"monitoring": {"dashboards": {**chosen, "namespace": "grafana"}}})
    moved = [each["metadata"] for each in rendered.kind("ConfigMap") if each["metadata"]["labels"].get("dash") == "yes"]
    assert len(moved) == len(all_dashboards())
    assert {each["namespace"] for each in moved} == {"grafana"}
    assert {each["annotations"]["k8s-folder"] for each in moved} == {"Bots"}
