"""The network between a pod and a backend fails: packets are dropped in the pod's own network namespace."""

from __future__ import annotations

from game_day.fault import Fault
from game_day.scene import Scene

SECONDS = 270
"""Long enough for alert, settling, action and recovery; without an operator a person ends it then."""
OUTAGE_FROM, OUTAGE_TO = 60, 220
BOTH_SECONDS = OUTAGE_TO + 150


def cut_off(scene: Scene) -> None:
    """One pod of two loses one backend."""
    with scene.cut_off(scene.victim(), "request"):
        scene.until(SECONDS)


def two_at_once(scene: Scene) -> None:
    """One pod is cut off; before its alert fires the backend goes down for all, and comes back first."""
    with scene.cut_off(scene.victim(), "request"):
        scene.until(OUTAGE_FROM)
        with scene.backend_fault("request", kind="down"):
            scene.until(OUTAGE_TO)
        scene.until(BOTH_SECONDS)


FAULTS = (
    Fault(
        "cut-off",
        "One pod cut off from one backend",
        f"a rule in the pod's network namespace drops what it sends to the Request Service, for {SECONDS} s",
        SECONDS,
        cut_off,
    ),
    Fault(
        "two-faults",
        "Two faults at once: one pod cut off, and the backend down for all",
        f"one pod is cut off from the Request Service, which itself is down from second {OUTAGE_FROM} to {OUTAGE_TO}; "
        f"the cut is undone after {BOTH_SECONDS} s",
        BOTH_SECONDS,
        two_at_once,
    ),
)
