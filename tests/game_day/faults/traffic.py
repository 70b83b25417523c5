"""Much more traffic than usual."""

from __future__ import annotations

from game_day.fault import Fault
from game_day.scenario import Scenario

TIMES = 10
SECONDS = 120


def tenfold(scenario: Scenario) -> None:
    """Ten times the conversations."""
    with scenario.more_traffic(TIMES) as usual:
        scenario.mark("fault", f"{TIMES * usual:g} conversations start per second instead of {usual:g}")
        scenario.until(SECONDS)
    scenario.mark("removed", "traffic is normal again")


FAULTS = (
    Fault(
        "tenfold",
        "Traffic ten times the usual",
        f"ten times as many conversations start, for {SECONDS} s",
        SECONDS,
        tenfold,
    ),
)
