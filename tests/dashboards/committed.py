"""The committed dashboards as the tests read them: JSON, panels, expressions."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
JSON = ROOT / "grafana-dashboards" / "json"
CHART = ROOT / "charts" / "bot-gateway"
COPY = CHART / "dashboards"

Dashboard = dict[str, Any]
Panel = dict[str, Any]


@dataclass(frozen=True)
class Target:
    """One query of a panel or of an annotation, with the words to find it by."""

    dashboard: str
    panel: str
    expr: str
    legend: str
    instant: bool

    @property
    def name(self) -> str:
        """Dashboard and panel, as a person looks for it."""
        return f"{self.dashboard.removeprefix('Bot Gateway - ')}: {self.panel}"


@functools.cache
def all_dashboards() -> dict[str, Dashboard]:
    """Every committed dashboard by its file name."""
    return {path.name: json.loads(path.read_text("utf-8")) for path in sorted(JSON.glob("*.json"))}


def panels(dashboard: Dashboard) -> list[Panel]:
    """The panels without the row headings."""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def panel_targets() -> list[Target]:
    """Every query of every panel."""
    return [
        Target(board["title"], panel["title"], target["expr"], target["legendFormat"], target["instant"])
        for board in all_dashboards().values()
        for panel in panels(board)
        for target in panel["targets"]
    ]


def annotation_targets() -> Iterator[Target]:
    """Every query of every annotation."""
    for board in all_dashboards().values():
        for annotation in board["annotations"]["list"]:
            words = " ".join(annotation[key] for key in ("titleFormat", "textFormat"))
            yield Target(board["title"], f"annotation {annotation['name']}", annotation["expr"], words, instant=False)
