"""Alertmanager or Prometheus is missing when it is needed: its custom resource is scaled to 0."""

from __future__ import annotations

from game_day.fault import Fault
from game_day.scenario import Scenario

DOWN_FROM, DOWN_TO = 45, 190
ALERTMANAGER_SECONDS = 370
PROMETHEUS_BACK = 290
PROMETHEUS_SECONDS = 380


def alertmanager_down(scenario: Scenario) -> None:
    """Alertmanager is down when the alert fires."""
    with scenario.cut_off(scenario.victim(), "request"):
        scenario.until(DOWN_FROM)
        with scenario.environment.without("alertmanager"):
            scenario.mark("monitoring", "Alertmanager is scaled to 0")
            scenario.until(DOWN_TO)
        scenario.mark("monitoring", "Alertmanager is scaled up again")
        scenario.until(ALERTMANAGER_SECONDS)


def prometheus_down(scenario: Scenario) -> None:
    """Prometheus is down from the accepted action on, so nothing proves the recovery."""
    with scenario.cut_off(scenario.victim(), "request"):
        scenario.has_step(accepted=True)
        with scenario.environment.without("prometheus"):
            scenario.mark("monitoring", "Prometheus is scaled to 0")
            scenario.until(PROMETHEUS_BACK)
        scenario.mark("monitoring", "Prometheus is scaled up again")
        scenario.until(PROMETHEUS_SECONDS)


FAULTS = (
    Fault(
        "alertmanager-down",
        "Alertmanager down when the alert fires",
        f"one pod is cut off; Alertmanager is scaled to 0 from second {DOWN_FROM} to {DOWN_TO}",
        ALERTMANAGER_SECONDS,
        alertmanager_down,
    ),
    Fault(
        "prometheus-down",
        "Prometheus down after the action",
        "one pod is cut off; as soon as the action is accepted Prometheus is scaled to 0, "
        f"until second {PROMETHEUS_BACK}",
        PROMETHEUS_SECONDS,
        prometheus_down,
    ),
)
