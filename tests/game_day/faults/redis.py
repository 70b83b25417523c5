"""Redis restarts, or its process is stopped."""

from __future__ import annotations

from game_day.fault import Fault
from game_day.scenario import REDIS, Scenario

FROZEN_SECONDS = 20
SECONDS = 100


def restarted(scenario: Scenario) -> None:
    """Its pod is deleted; the StatefulSet creates another one with the same volume."""
    pod = scenario.release.pods("redis")[0]
    scenario.release.api.delete(f"{scenario.release.path}/pods/{pod.name}")
    scenario.mark("fault", f"{pod.name} deleted")
    scenario.until(SECONDS)
    scenario.mark("removed", "nothing to remove")


def frozen(scenario: Scenario) -> None:
    """Its process is stopped and continued."""
    with scenario.stopped(scenario.release.pods("redis")[0], REDIS):
        scenario.until(FROZEN_SECONDS)
    scenario.until(SECONDS)


FAULTS = (
    Fault("redis-restarted", "Redis restarted", "its pod is deleted", SECONDS, restarted),
    Fault(
        "redis-frozen",
        f"Redis stopped for {FROZEN_SECONDS} s",
        f"SIGSTOP from the node to `redis-server`, SIGCONT {FROZEN_SECONDS} s later",
        SECONDS,
        frozen,
    ),
)
