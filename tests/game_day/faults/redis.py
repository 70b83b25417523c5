"""Redis goes away for a moment, or stands still."""

from __future__ import annotations

from game_day.fault import Fault
from game_day.scene import REDIS, Scene

FROZEN_SECONDS = 20
SECONDS = 100


def restarted(scene: Scene) -> None:
    """Its pod is deleted; the StatefulSet makes another over the same data."""
    pod = scene.release.pods("redis")[0]
    scene.release.cluster.delete(f"{scene.release.path}/pods/{pod.name}")
    scene.mark("fault", f"{pod.name} deleted")
    scene.until(SECONDS)
    scene.mark("undone", "nothing to undo")


def frozen(scene: Scene) -> None:
    """Its process is stopped and goes on."""
    with scene.stopped(scene.release.pods("redis")[0], REDIS):
        scene.until(FROZEN_SECONDS)
    scene.until(SECONDS)


FAULTS = (
    Fault("redis-restarted", "Redis restarted", "its pod is deleted", SECONDS, restarted),
    Fault(
        "redis-frozen",
        f"Redis frozen for {FROZEN_SECONDS} s",
        f"SIGSTOP from the node to `redis-server`, SIGCONT {FROZEN_SECONDS} s later",
        SECONDS,
        frozen,
    ),
)
