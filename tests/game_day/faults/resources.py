"""A pod gets too little CPU time or memory: its container's cgroup limits are lowered on the node."""

from __future__ import annotations

from game_day.fault import Fault
from game_day.faults.traffic import TIMES
from game_day.scene import GATEWAY, Scene

CPU_PERCENT = 2.0
CPU_SECONDS = 240
EXTRA_BYTES = 1_000_000
MEMORY_SECONDS = 180


def starved(scene: Scene) -> None:
    """One pod's event loop gets a fiftieth of a core."""
    pod = scene.victim()
    scene.hand.limit_cpu(pod.uid, GATEWAY, CPU_PERCENT)
    scene.mark("fault", f"{pod.name} gets {CPU_PERCENT:g} % of a core")
    scene.until(CPU_SECONDS)
    if pod.uid in {other.uid for other in scene.release.pods()}:
        scene.hand.limit_cpu(pod.uid, GATEWAY, 0)
    scene.mark("undone", "the limit is lifted")


def near_memory_limit(scene: Scene) -> None:
    """One pod is left one more megabyte, as if it had leaked the rest, and people write more; a restarted container
    has its limit back.
    """
    pod = scene.victim()
    limit = scene.hand.limit_memory(pod.uid, GATEWAY, EXTRA_BYTES)
    scene.mark("fault", f"{pod.name} may use {limit / 1e6:.0f} MB, as good as nothing more than it holds")
    with scene.busier(TIMES):
        scene.until(MEMORY_SECONDS)
    scene.mark("undone", "the usual traffic again; the limit went with the container")


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
        "the limit of the container's cgroup is lowered to what its process holds, and ten times as many "
        f"conversations begin for {MEMORY_SECONDS} s",
        MEMORY_SECONDS,
        near_memory_limit,
    ),
)
