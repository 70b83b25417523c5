"""Writes the table of alerts in docs/alerts.md from the rules and values of charts/bot-gateway.

The table is between two comments; the rest of the page is written manually. With --check nothing is written and a
difference is an error.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
CHART = ROOT / "charts/bot-gateway"
PAGE = ROOT / "docs/alerts.md"
BEGIN, END = "<!-- alerts: begin, written by scripts/generators/alerts_page.py -->", "<!-- alerts: end -->"
TITLES = {"alerts": "The gateway", "slo": "Objectives", "remediator": "The operator"}


def table() -> str:
    """One table per file of rules: alert, severity, threshold, duration, summary."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())["alerts"]
    return "\n\n".join(
        "\n".join(
            [
                f"### {title}",
                "",
                "| alert | severity | threshold | for | summary |",
                "|---|---|---|---|---|",
                *_rows(yaml.safe_load((CHART / f"rules/{name}.yaml").read_text()), values),
            ]
        )
        for name, title in TITLES.items()
    )


def _rows(rules: list[dict[str, str]], values: dict[str, dict[str, Any]]) -> Iterator[str]:
    for rule in rules:
        value = values[rule["alert"]]
        summary = rule["summary"].replace("{{ $labels.", "`").replace(" }}", "`")
        yield (
            f"| [{rule['alert']}](runbooks/{rule['alert']}.md) | {value['severity']} | {value.get('threshold', '–')} "
            f"| {value['for']} | {summary} |"
        )


def page(text: str) -> str:
    """The page with a new table."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


def main() -> int:
    """Write the page, or with --check return 1 if it is not up to date."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing, fail on a difference")
    current = PAGE.read_text()
    wanted = page(current)
    if parser.parse_args().check:
        if current != wanted:
            print("docs/alerts.md is not up to date, run scripts/generators/alerts_page.py", file=sys.stderr)
        return int(current != wanted)
    PAGE.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main())
