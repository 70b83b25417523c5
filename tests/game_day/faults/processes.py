"""A gateway process stands still."""

from __future__ import annotations

from game_day.fault import Fault
from game_day.scene import GATEWAY, Scene

SECONDS = 150


def stopped(scene: Scene) -> None:
    """One pod's process is stopped; whoever restarts the container ends it."""
    with scene.stopped(scene.victim(), GATEWAY):
        scene.until(SECONDS)


FAULTS = (
    Fault(
        "stopped",
        "One pod's process stopped",
        f"SIGSTOP from the node to `python -m app`, SIGCONT after {SECONDS} s",
        SECONDS,
        stopped,
    ),
)
