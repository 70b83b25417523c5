"""A backend is at fault, for every pod alike: nothing of ours is broken, and no restart helps."""

from __future__ import annotations

from game_day.fault import Fault
from game_day.scene import Scene

DOWN_SECONDS = 210
SLOW_SECONDS = 240
SLOW_ANSWER_SECONDS = 20.0
FLAP_SECONDS = 40
FLAPS = 4


def down(scene: Scene) -> None:
    """Every connection is closed at once."""
    with scene.backend_fault("request", kind="down"):
        scene.until(DOWN_SECONDS)


def slow(scene: Scene) -> None:
    """Every answer comes later than the gateway waits."""
    with scene.backend_fault("request", kind="latency", latency_seconds=SLOW_ANSWER_SECONDS):
        scene.until(SLOW_SECONDS)


def half(scene: Scene) -> None:
    """Every second call fails, at random."""
    with scene.backend_fault("request", kind="error", status=500, ratio=0.5):
        scene.until(SLOW_SECONDS)


def flapping(scene: Scene) -> None:
    """Down and up again, over and over."""
    for number in range(FLAPS):
        with scene.backend_fault("request", kind="down"):
            scene.until((2 * number + 1) * FLAP_SECONDS)
        scene.until((2 * number + 2) * FLAP_SECONDS)


FAULTS = (
    Fault(
        "backend-down",
        "A backend down for all",
        f"the Request Service closes every connection for {DOWN_SECONDS} s",
        DOWN_SECONDS,
        down,
    ),
    Fault(
        "backend-slow",
        "A backend slow for all",
        f"the Request Service answers after {SLOW_ANSWER_SECONDS:g} s, the gateway waits 15, for {SLOW_SECONDS} s",
        SLOW_SECONDS,
        slow,
    ),
    Fault(
        "backend-half",
        "A backend failing half the time for all",
        f"the Request Service answers every second call with 500, at random, for {SLOW_SECONDS} s",
        SLOW_SECONDS,
        half,
    ),
    Fault(
        "backend-flapping",
        "A backend that flaps",
        f"the Request Service is down for {FLAP_SECONDS} s and up for {FLAP_SECONDS} s, {FLAPS} times",
        2 * FLAPS * FLAP_SECONDS,
        flapping,
    ),
)
