"""The network between a pod and a backend fails: packets are dropped in the pod's own network namespace."""

from __future__ import annotations

from game_day.fault import Fault
from game_day.scene import Scene

SECONDS = 300
"""Long enough for alert, settling, action and recovery; without an operator a person ends it then."""
OUTAGE_SECONDS = 190


def cut_off(scene: Scene) -> None:
    """One pod of three loses one backend."""
    with scene.cut_off(scene.victim(), "request"):
        scene.until(SECONDS)


def two_at_once(scene: Scene) -> None:
    """One pod loses one backend while another backend is down for all; the outage ends first."""
    with scene.cut_off(scene.victim(), "request"):
        with scene.backend_fault("shift", kind="down"):
            scene.until(OUTAGE_SECONDS)
        scene.until(OUTAGE_SECONDS + 170)


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
        "Two faults at once: one pod cut off, another backend down for all",
        "as above, and the Shift Service closes every connection; that outage ends after "
        f"{OUTAGE_SECONDS} s, the cut 170 s later",
        OUTAGE_SECONDS + 170,
        two_at_once,
    ),
)
