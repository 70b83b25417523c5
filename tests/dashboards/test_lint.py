"""The rules of grafana/dashboard-linter, as far as they apply, and our own on what every panel must have."""

from __future__ import annotations

from typing import Any

import pytest

from boards import colours
from dashboards.committed import Dashboard, all_dashboards, panels

BOARDS = pytest.mark.parametrize("board", all_dashboards().values(), ids=lambda board: board["uid"])
PANELS = [panel for board in all_dashboards().values() for panel in panels(board)]
GRID_WIDTH = 24


def variable(board: Dashboard, name: str) -> dict[str, Any]:
    """The variable of that name."""
    found: list[dict[str, Any]] = [each for each in board["templating"]["list"] if each["name"] == name]
    assert len(found) == 1, f"no variable {name}"
    return found[0]


@BOARDS
def test_the_data_source_is_a_variable(board: Dashboard) -> None:
    datasource = variable(board, "datasource")
    assert datasource["type"] == "datasource"
    assert datasource["query"] == "prometheus"
    assert datasource["label"] == "Data source"


@BOARDS
@pytest.mark.parametrize("name", ["namespace", "job", "pod", "service"])
def test_variables_ask_the_chosen_data_source(board: Dashboard, name: str) -> None:
    asked = variable(board, name)
    assert asked["type"] == "query"
    assert asked["label"] == name.capitalize()
    assert asked["datasource"]["uid"] == "${datasource}"
    assert asked["refresh"] == 2, "pods come and go: ask again when the time range changes"


@BOARDS
@pytest.mark.parametrize("name", ["job", "pod", "service"])
def test_more_than_one_may_be_chosen(board: Dashboard, name: str) -> None:
    assert variable(board, name)["multi"] is True
    assert variable(board, name)["allValue"] == ".+"


@BOARDS
def test_it_is_not_editable(board: Dashboard) -> None:
    assert board["editable"] is False


@BOARDS
def test_it_leads_to_the_other_dashboards_and_to_jaeger(board: Dashboard) -> None:
    urls = [link["url"] for link in board["links"]]
    others = {f"/d/{other['uid']}" for other in all_dashboards().values() if other["uid"] != board["uid"]}
    assert others <= set(urls)
    assert any(url.startswith("${jaeger}/search") for url in urls)
    assert all(link["keepTime"] and link["includeVars"] for link in board["links"] if link["url"] in others)


@BOARDS
def test_it_marks_alerts_starts_and_remediations(board: Dashboard) -> None:
    names = [annotation["name"] for annotation in board["annotations"]["list"]]
    assert names == ["Critical alerts", "Warnings", "Pod starts", "Remediations"]


@BOARDS
def test_the_first_row_answers_whether_it_is_healthy(board: Dashboard) -> None:
    assert board["panels"][0]["type"] == "row"
    assert board["panels"][0]["title"].endswith("?")
    first_row = [panel for panel in panels(board) if panel["gridPos"]["y"] == 1]
    assert {panel["type"] for panel in first_row} == {"stat"}
    assert sum(panel["gridPos"]["w"] for panel in first_row) == GRID_WIDTH


@BOARDS
def test_panels_do_not_overlap_and_have_their_own_number(board: Dashboard) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= GRID_WIDTH
        assert not cells & taken, panel["title"]
        taken |= cells
    numbers = [panel["id"] for panel in board["panels"]]
    assert len(set(numbers)) == len(numbers)


def test_panels_have_a_title_and_say_how_to_read_it() -> None:
    for panel in PANELS:
        assert panel["title"]
        assert len(panel["description"].split()) > 3, panel["title"]
        assert panel["description"].endswith("."), panel["title"]


def test_panels_have_a_unit() -> None:
    for panel in PANELS:
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]


def test_panels_ask_the_chosen_data_source() -> None:
    for panel in PANELS:
        for asked in (panel, *panel["targets"]):
            assert asked["datasource"] == {"type": "prometheus", "uid": "${datasource}"}, panel["title"]


def test_queries_have_names() -> None:
    for panel in PANELS:
        references = [target["refId"] for target in panel["targets"]]
        assert len(set(references)) == len(references), panel["title"]
        if panel["type"] in {"timeseries", "state-timeline", "bargauge"}:
            assert all(target["legendFormat"] != "__auto" for target in panel["targets"]), "a raw label set for a name"


def test_numbers_of_now_are_asked_now() -> None:
    """A range query would show the last value of a gateway that is gone as if it were its state."""
    for panel in PANELS:
        if panel["type"] in {"stat", "bargauge", "table"}:
            assert all(target["instant"] and not target["range"] for target in panel["targets"]), panel["title"]


def test_a_name_that_is_not_known_gets_no_colour_of_health() -> None:
    for panel in PANELS:
        if panel["type"] == "timeseries":
            assert panel["fieldConfig"]["defaults"]["color"] == {"mode": "shades", "fixedColor": colours.PLAIN}, panel[
                "title"
            ]


def test_a_number_that_is_missing_is_not_green() -> None:
    """Without a mapping Grafana shows "No data" in the colour of the first threshold, mostly the best."""
    for panel in PANELS:
        if panel["type"] == "stat":
            missing = [each for each in panel["fieldConfig"]["defaults"]["mappings"] if each["type"] == "special"]
            assert [each["options"]["match"] for each in missing] == ["null+nan"], panel["title"]
            assert missing[0]["options"]["result"]["color"] in {colours.UNKNOWN, colours.CRITICAL}, panel["title"]
