"""Writes each chart's README.md from Chart.yaml, README.head.md and the comments in values.yaml.

Also files/alert_defaults.yaml of charts/bot-gateway, a copy of its values of the alerts.

A line `# -- text` documents the next value; comment lines in between continue the text. Every value must be documented,
so that the table is complete. With --check nothing is written and a difference is an error.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

CHARTS = Path(__file__).resolve().parents[2] / "charts"


class DocumentationError(Exception):
    """A value has no comment; the message names it."""


@dataclass(frozen=True)
class Value:
    """One documented value."""

    path: str
    default: Any
    text: str


def documented_values(text: str) -> Iterator[Value]:
    """The values of a values.yaml in file order, each at the level that has a comment.

    Raises DocumentationError for the first value without a comment.
    """
    comments = dict(_comments(text.splitlines()))
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        raise DocumentationError("values.yaml is not a mapping")
    yield from _walk(root, "", comments)


def _comments(lines: list[str]) -> Iterator[tuple[int, str]]:
    """The line number (from 0) of each documented key, and its text."""
    text: list[str] = []
    for number, line in enumerate(lines):
        stripped = line.strip()
        if stripped.startswith("# -- "):
            text = [stripped.removeprefix("# -- ")]
        elif text and stripped.startswith("#"):
            text.append(stripped.removeprefix("#").strip())
        elif text and stripped:
            yield number, " ".join(text)
            text = []


def _walk(node: yaml.MappingNode, prefix: str, comments: dict[int, str]) -> Iterator[Value]:
    for key, value in node.value:
        path = f"{prefix}{key.value}"
        if key.start_mark.line in comments:
            yield Value(path, yaml.safe_load(yaml.serialize(value)), comments[key.start_mark.line])
        elif isinstance(value, yaml.MappingNode) and value.value:
            yield from _walk(value, f"{path}.", comments)
        else:
            raise DocumentationError(f"{path} has no comment")


def readme(chart: Path) -> str:
    """The README of a chart."""
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    head = (chart / "README.head.md").read_text().rstrip()
    rows = [
        f"| `{value.path}` | `{_code(value.default)}` | {value.text.replace('|', chr(92) + '|')} |"
        for value in documented_values((chart / "values.yaml").read_text())
    ]
    return "\n".join(
        [
            "<!-- Written by scripts/generators/chart_readme.py from Chart.yaml, README.head.md and values.yaml. -->",
            f"# {about['name']}",
            "",
            f"{about['description']}. Chart {about['version']}, application {about['appVersion']}.",
            "",
            head,
            "",
            "## Values",
            "",
            "| value | default | meaning |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def files(chart: Path) -> dict[Path, str]:
    """What is generated for a chart."""
    found = {chart / "README.md": readme(chart)}
    if chart.name == "bot-gateway":
        found[chart / "files/alert_defaults.yaml"] = alert_defaults(chart)
    return found


def alert_defaults(chart: Path) -> str:
    """The values of the alerts as a file of the chart: templates see values.yaml only merged with a user's values."""
    alerts = yaml.safe_load((chart / "values.yaml").read_text())["alerts"]
    head = "# Written by scripts/generators/chart_readme.py from values.yaml.\n"
    return head + yaml.safe_dump(alerts, default_flow_style=None, sort_keys=False, width=1000)


def _code(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).replace("|", "\\|")


def main() -> int:
    """Write the files, or with --check name those that are not up to date and return 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    check = parser.parse_args().check
    stale = []
    for chart in sorted(path.parent for path in CHARTS.glob("*/Chart.yaml")):
        for file, text in files(chart).items():
            if not file.exists() or file.read_text() != text:
                stale.append(str(file.relative_to(CHARTS.parent)))
                if not check:
                    file.write_text(text)
    if check and stale:
        print(f"not up to date, run scripts/generators/chart_readme.py: {', '.join(stale)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
