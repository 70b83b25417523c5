"""A backend fails for all pods: the gateway is healthy and no restart helps."""

from __future__ import annotations

from game_day.fault import Fault
from game_day.scenario import Scenario

DOWN_SECONDS = 210
SLOW_SECONDS = 240
SLOW_RESPONSE_SECONDS = 20.0
FLAP_SECONDS = 40
FLAPS = 4


def down(scenario: Scenario) -> None:
    """Every connection is closed immediately."""
    with scenario.backend_fault("request", kind="down"):
        scenario.until(DOWN_SECONDS)


def slow(scenario: Scenario) -> None:
    """Every response comes later than the gateway's timeout."""
    with scenario.backend_fault("request", kind="latency", latency_seconds=SLOW_RESPONSE_SECONDS):
        scenario.until(SLOW_SECONDS)


def half(scenario: Scenario) -> None:
    """Every second call fails, at random."""
    with scenario.backend_fault("request", kind="error", status=500, ratio=0.5):
        scenario.until(SLOW_SECONDS)


def flapping(scenario: Scenario) -> None:
    """Down and up, several times."""
    for number in range(FLAPS):
        with scenario.backend_fault("request", kind="down"):
            scenario.until((2 * number + 1) * FLAP_SECONDS)
        scenario.until((2 * number + 2) * FLAP_SECONDS)


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
        f"the Request Service responds after {SLOW_RESPONSE_SECONDS:g} s, for {SLOW_SECONDS} s; the gateway waits 15 s",
        SLOW_SECONDS,
        slow,
    ),
    Fault(
        "backend-half",
        "A backend failing half the time for all",
        f"the Request Service returns 500 to half of the calls, at random, for {SLOW_SECONDS} s",
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
