"""A gateway process is stopped."""

from __future__ import annotations

from game_day.fault import Fault
from game_day.scenario import GATEWAY, Scenario

SECONDS = 150


def stopped(scenario: Scenario) -> None:
    """One pod's process is stopped until its container restarts."""
    with scenario.stopped(scenario.victim(), GATEWAY):
        scenario.until(SECONDS)


FAULTS = (
    Fault(
        "stopped",
        "One pod's process stopped",
        f"SIGSTOP from the node to `python -m app`, SIGCONT after {SECONDS} s",
        SECONDS,
        stopped,
    ),
)
