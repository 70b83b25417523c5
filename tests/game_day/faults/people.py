"""A person changes the target during an incident: one pod is cut off, then the Deployment is changed."""

from __future__ import annotations

import time
from typing import Any

from game_day.fault import Fault
from game_day.scenario import Scenario

UNDO_SECONDS = 210
SECONDS = 320
SCALED_TO = 3


def bad_image(scenario: Scenario) -> None:
    """An image that does not exist is rolled out once the operator has the alert, and rolled back later."""
    with scenario.cut_off(scenario.victim(), "request"):
        scenario.has_remediation()
        container = scenario.release.deployment()["spec"]["template"]["spec"]["containers"][0]
        _set_image(scenario, container, "bot-gateway:does-not-exist")
        scenario.mark("person", "rolls out an image that does not exist")
        scenario.until(UNDO_SECONDS)
        _set_image(scenario, container, container["image"])
        scenario.mark("person", "rolls back")
        scenario.until(SECONDS)


def scaled_by_hand(scenario: Scenario) -> None:
    """A person adds a replica once the operator has the alert."""
    with scenario.cut_off(scenario.victim(), "request"):
        scenario.has_remediation()
        _scale(scenario, SCALED_TO)
        scenario.mark("person", f"scales to {SCALED_TO}")
        scenario.until(SECONDS)
    replicas = scenario.release.deployment()["spec"]["replicas"]
    scenario.mark("found", f"{replicas} replicas")
    _scale(scenario, scenario.release.replicas)


def helm_upgrade(scenario: Scenario) -> None:
    """A release is upgraded once the operator has the alert; that replaces every pod."""
    with scenario.cut_off(scenario.victim(), "request"):
        scenario.has_remediation()
        scenario.mark("person", "helm upgrade")
        scenario.environment.upgrade(
            scenario.release, scenario.image_tag, "--set-string", f"podAnnotations.upgraded={time.time():.0f}"
        )
        scenario.mark("found", "helm upgrade was accepted")
        scenario.until(SECONDS)


def _set_image(scenario: Scenario, container: dict[str, Any], image: str) -> None:
    merged = {**container, "image": image}
    scenario.release.api.patch(
        scenario.release.deployment_path, {"spec": {"template": {"spec": {"containers": [merged]}}}}
    )


def _scale(scenario: Scenario, replicas: int) -> None:
    scenario.release.api.patch(f"{scenario.release.deployment_path}/scale", {"spec": {"replicas": replicas}})


FAULTS = (
    Fault(
        "bad-image",
        "A bad image rolled out during an incident",
        "one pod is cut off; once the operator has the alert an image that does not exist is rolled out, "
        f"and rolled back {UNDO_SECONDS} s after the start",
        SECONDS,
        bad_image,
    ),
    Fault(
        "person-scales",
        "A person scales the Deployment during a remediation",
        f"one pod is cut off; once the operator has the alert the Deployment is scaled to {SCALED_TO}",
        SECONDS,
        scaled_by_hand,
    ),
    Fault(
        "helm-upgrade",
        "`helm upgrade` during a remediation",
        "one pod is cut off; once the operator has the alert the release is upgraded, which replaces every pod",
        SECONDS,
        helm_upgrade,
    ),
)
