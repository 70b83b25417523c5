"""Alertmanager or Prometheus is away when it is needed: scaled to nothing by its own custom resource."""

from __future__ import annotations

from game_day.fault import Fault
from game_day.scene import Scene

AWAY_FROM, AWAY_TO = 45, 190
ALERTMANAGER_SECONDS = 370
PROMETHEUS_BACK = 290
PROMETHEUS_SECONDS = 380


def alertmanager_down(scene: Scene) -> None:
    """Alertmanager is away when the alert fires."""
    with scene.cut_off(scene.victim(), "request"):
        scene.until(AWAY_FROM)
        with scene.lane.without("alertmanager"):
            scene.mark("monitoring", "Alertmanager is taken away")
            scene.until(AWAY_TO)
        scene.mark("monitoring", "Alertmanager may come back")
        scene.until(ALERTMANAGER_SECONDS)


def prometheus_down(scene: Scene) -> None:
    """Prometheus is away once the action has been accepted, so that nothing proves the recovery."""
    with scene.cut_off(scene.victim(), "request"):
        scene.has_step(accepted=True)
        with scene.lane.without("prometheus"):
            scene.mark("monitoring", "Prometheus is taken away")
            scene.until(PROMETHEUS_BACK)
        scene.mark("monitoring", "Prometheus may come back")
        scene.until(PROMETHEUS_SECONDS)


FAULTS = (
    Fault(
        "alertmanager-down",
        "Alertmanager down when the alert fires",
        f"one pod is cut off; Alertmanager is scaled to nothing from second {AWAY_FROM} to {AWAY_TO}",
        ALERTMANAGER_SECONDS,
        alertmanager_down,
    ),
    Fault(
        "prometheus-down",
        "Prometheus down after the action",
        "one pod is cut off; as soon as the action is accepted Prometheus is scaled to nothing, "
        f"until second {PROMETHEUS_BACK}",
        PROMETHEUS_SECONDS,
        prometheus_down,
    ),
)
