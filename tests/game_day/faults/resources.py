"""A pod gets too little CPU time or memory: its container's cgroup limits are lowered on the node."""

from __future__ import annotations

from game_day.fault import Fault
from game_day.faults.traffic import TIMES
from game_day.scenario import GATEWAY, Scenario

CPU_PERCENT = 2.0
CPU_SECONDS = 240
EXTRA_BYTES = 1_000_000
MEMORY_SECONDS = 180


def starved(scenario: Scenario) -> None:
    """One pod's event loop gets a fiftieth of a core."""
    pod = scenario.victim()
    scenario.node.limit_cpu(pod.uid, GATEWAY, CPU_PERCENT)
    scenario.mark("fault", f"{pod.name} gets {CPU_PERCENT:g} % of a core")
    scenario.until(CPU_SECONDS)
    if pod.uid in {other.uid for other in scenario.release.pods()}:
        scenario.node.limit_cpu(pod.uid, GATEWAY, 0)
    scenario.mark("removed", "the limit is lifted")


def near_memory_limit(scenario: Scenario) -> None:
    """One pod may use 1 MB more than now, as after a memory leak, under more traffic. A restarted container has its
    old limit.
    """
    pod = scenario.victim()
    limit = scenario.node.limit_memory(pod.uid, GATEWAY, EXTRA_BYTES)
    scenario.mark("fault", f"{pod.name} may use {limit / 1e6:.0f} MB, 1 MB more than it uses")
    with scenario.more_traffic(TIMES):
        scenario.until(MEMORY_SECONDS)
    scenario.mark("removed", "traffic is normal again; the limit ended with the container")


FAULTS = (
    Fault(
        "starved",
        "One pod starved of CPU",
        f"the container's cgroup gets {CPU_PERCENT:g} % of a core for {CPU_SECONDS} s",
        CPU_SECONDS,
        starved,
    ),
    Fault(
        "memory",
        "One pod at its memory limit",
        "the limit of the container's cgroup is lowered to what its process uses, and ten times as many "
        f"conversations start for {MEMORY_SECONDS} s",
        MEMORY_SECONDS,
        near_memory_limit,
    ),
)
