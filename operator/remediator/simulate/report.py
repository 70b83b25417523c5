"""The result of a simulation as a table, and the tables of docs/simulation.md."""

from collections.abc import Callable, Iterator, Sequence

from remediator.simulate.batch import KINDS, Result, Row
from remediator.simulate.scenario import CURABLE, SHARED, Failure, Trouble
from remediator.simulate.sensors import SOURCES

_HEAD = (
    "failure",
    "incidents",
    "acted",
    "actions",
    "repaired",
    "harmful",
    "regret",
    "false",
    "silent",
    "missed",
    "to action",
)


def as_table(result: Result) -> str:
    """Return the result by class of failure, in Markdown that a terminal shows as well."""
    rows = [_cells(row) for row in (*result.rows, result.total)]
    widths = [max(len(row[index]) for row in (_HEAD, *rows)) for index in range(len(_HEAD))]
    lines = [_line(_HEAD, widths), "|" + "|".join("-" * (width + 2) for width in widths) + "|"]
    return "\n".join([*lines, *(_line(row, widths) for row in rows)])


def failures() -> Iterator[str]:
    """Yield the table of what is drawn, and what a restart does about it."""
    yield "| failure | a restart |"
    yield "|---|---|"
    for failure in Failure:
        effect = "may be tried; it does not repair all of it"
        if failure in CURABLE:
            effect = "repairs it"
        elif failure in SHARED:
            effect = "is wrong: no pod is at fault"
        yield f"| {failure.value} | {effect} |"


def lies() -> Iterator[str]:
    """Yield the table of what each lying sensor copies, and where that is described."""
    yield "| what lies | how | where that behaviour is described |"
    yield "|---|---|---|"
    for trouble, (what, source) in SOURCES.items():
        yield f"| {trouble.value} | {what} | {source} |"


def obstacles() -> Iterator[str]:
    """Yield the list of what is in the way, as a line."""
    yield ", ".join(trouble.value for trouble in Trouble if trouble not in SOURCES) + "."


TABLES: dict[str, Callable[[], Iterator[str]]] = {"failures": failures, "lies": lies, "obstacles": obstacles}
"""The tables of the page that follow from the code alone."""


def _cells(row: Row) -> tuple[str, ...]:
    seconds = "–" if row.seconds_to_action is None else f"{row.seconds_to_action:.0f} s"
    counts = (row.incidents, row.acted, row.actions, row.repaired, *(row.objections[kind] for kind in KINDS))
    return (row.name, *(str(count) for count in counts), seconds)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
