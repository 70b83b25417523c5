"""One timeline per fault: traffic, breakers, alert, decision, action and recovery of both releases on one time axis."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

from game_day.fault import Fault
from game_day.measure import BIN_SECONDS
from game_day.model import Pair, Run
from game_day.verdict import recovery_seconds, taken

mpl.use("Agg")
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

FOLDER = Path(__file__).resolve().parents[2] / "docs/pictures/game-day"
SERVED, AFFECTED, BREAKER, ALERT = "#8fb8de", "#d1495b", "#edae49", "#7a306c"
DECISION, ACTION, RECOVERED, DRILL = "#30638e", "#2e7d32", "#00798c", "#555555"


def draw(fault: Fault, pair: Pair) -> Path:
    """Draw the pair and return the picture's path."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    figure, rows = plt.subplots(2, 1, figsize=(10, 6.2), sharex=True, sharey=True, layout="constrained")
    runs = (pair.dry_run, pair.enforce)
    top = 1.35 * max(entry.updates for run in runs for entry in run.bins)
    for axes, run in zip(rows, runs, strict=True):
        axes.set_ylim(0, max(10, top))
        _run(axes, run)
    # Of the release that acts, since the other has no action.
    rows[0].legend(*rows[1].get_legend_handles_labels(), loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8,
                   frameon=False)  # fmt: skip
    rows[1].set_xlabel("seconds since the fault was injected")
    figure.suptitle(fault.title.replace("`", ""), fontsize=12)
    path = FOLDER / f"{fault.name}.png"
    figure.savefig(path, dpi=90, metadata={"Software": None})
    plt.close(figure)
    return path


def _run(axes: Axes, run: Run) -> None:
    at = [entry.at for entry in run.bins]
    good = [entry.updates - entry.affected for entry in run.bins]
    axes.bar(at, good, width=BIN_SECONDS, align="edge", color=SERVED, label="updates served")
    axes.bar(
        at, [entry.affected for entry in run.bins], width=BIN_SECONDS, align="edge", bottom=good, color=AFFECTED,
        label="late, lost or error message",
    )  # fmt: skip
    _band(axes, run.open_breakers, 0.97, BREAKER, "breaker open")
    _band(axes, run.firing_alerts, 0.92, ALERT, "alert fires")
    _lines(axes, run)
    axes.set_ylabel(f"{run.mode}\nupdates in {BIN_SECONDS} s", fontsize=9)
    axes.spines[["top", "right"]].set_visible(False)


def _band(axes: Axes, series: list[tuple[float, int]], height: float, colour: str, label: str) -> None:
    when = [at for at, value in series if value]
    y = height * axes.get_ylim()[1]
    axes.plot(when, [y] * len(when), linestyle="none", marker="s", markersize=3, color=colour, label=label)


def _lines(axes: Axes, run: Run) -> None:
    for moment in run.moments:
        if moment.what in {"fault", "removed", "person", "monitoring", "operator"}:
            axes.axvline(moment.at, color=DRILL, linewidth=0.9, linestyle=":")
            axes.annotate(
                moment.what if moment.what in {"fault", "removed"} else (moment.note or moment.what)[:34],
                (moment.at, 0.86 * axes.get_ylim()[1]), xytext=(2, 0), textcoords="offset points",
                fontsize=7, rotation=90, va="top", color=DRILL,
            )  # fmt: skip
    if run.timeline.decision is not None:
        axes.axvline(run.timeline.decision, color=DECISION, linewidth=1.3, linestyle="--", label="decision")
    acted = [step.accepted for step in run.steps if step.accepted is not None] if taken(run) else []
    for number, second in enumerate(acted):
        axes.axvline(second, color=ACTION, linewidth=2, label="action" if number == 0 else None)
    if (served := recovery_seconds(run)) is not None:
        axes.axvline(served, color=RECOVERED, linewidth=1.5, label="recovered")
