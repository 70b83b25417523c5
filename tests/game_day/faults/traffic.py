"""More people than ever write."""

from __future__ import annotations

from game_day.fault import Fault
from game_day.scene import Scene

TIMES = 10
SECONDS = 120


def tenfold(scene: Scene) -> None:
    """Ten times the conversations."""
    with scene.busier(TIMES) as usual:
        scene.mark("fault", f"{TIMES * usual:g} conversations begin each second, not {usual:g}")
        scene.until(SECONDS)
    scene.mark("undone", "the usual traffic again")


FAULTS = (
    Fault(
        "tenfold",
        "Traffic ten times the usual",
        f"the sandbox's people begin ten times as many conversations for {SECONDS} s",
        SECONDS,
        tenfold,
    ),
)
