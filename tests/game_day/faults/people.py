"""People work on the target in the middle of an incident: one pod is cut off, and then somebody does something."""

from __future__ import annotations

import time
from typing import Any

from game_day.fault import Fault
from game_day.release import REPLICAS
from game_day.scene import Scene

UNDO_SECONDS = 210
SECONDS = 320
SCALED_TO = REPLICAS + 1


def bad_image(scene: Scene) -> None:
    """An image that does not exist is rolled out once the operator has the alert, and taken back later."""
    with scene.cut_off(scene.victim(), "request"):
        scene.has_remediation()
        container = scene.release.deployment()["spec"]["template"]["spec"]["containers"][0]
        _set_image(scene, container, "bot-gateway:does-not-exist")
        scene.mark("person", "rolls out an image that does not exist")
        scene.until(UNDO_SECONDS)
        _set_image(scene, container, container["image"])
        scene.mark("person", "rolls back")
        scene.until(SECONDS)


def scaled_by_hand(scene: Scene) -> None:
    """A person adds a replica once the operator has the alert."""
    with scene.cut_off(scene.victim(), "request"):
        scene.has_remediation()
        _scale(scene, SCALED_TO)
        scene.mark("person", f"scales to {SCALED_TO}")
        scene.until(SECONDS)
    replicas = scene.release.deployment()["spec"]["replicas"]
    scene.mark("found", f"{replicas} replicas")
    _scale(scene, REPLICAS)


def helm_upgrade(scene: Scene) -> None:
    """A release is upgraded once the operator has the alert; that replaces every pod."""
    with scene.cut_off(scene.victim(), "request"):
        scene.has_remediation()
        scene.mark("person", "helm upgrade")
        scene.lane.upgrade(scene.release, scene.image_tag, "--set-string", f"podAnnotations.upgraded={time.time():.0f}")
        scene.mark("found", "helm upgrade was accepted")
        scene.until(SECONDS)


def _set_image(scene: Scene, container: dict[str, Any], image: str) -> None:
    merged = {**container, "image": image}
    scene.release.cluster.patch(
        scene.release.deployment_path, {"spec": {"template": {"spec": {"containers": [merged]}}}}
    )


def _scale(scene: Scene, replicas: int) -> None:
    scene.release.cluster.patch(f"{scene.release.deployment_path}/scale", {"spec": {"replicas": replicas}})


FAULTS = (
    Fault(
        "bad-image",
        "A bad image rolled out in mid-incident",
        "one pod is cut off; once the operator has the alert an image that does not exist is rolled out, "
        f"and back {UNDO_SECONDS} s after the start",
        SECONDS,
        bad_image,
    ),
    Fault(
        "person-scales",
        "A person scales by hand in mid-remediation",
        f"one pod is cut off; once the operator has the alert the Deployment is scaled to {SCALED_TO}",
        SECONDS,
        scaled_by_hand,
    ),
    Fault(
        "helm-upgrade",
        "`helm upgrade` in mid-remediation",
        "one pod is cut off; once the operator has the alert the release is upgraded, which replaces every pod",
        SECONDS,
        helm_upgrade,
    ),
)
