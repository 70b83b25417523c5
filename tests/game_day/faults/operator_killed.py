"""The operator dies between writing its intent down and carrying it out.

That moment lasts some milliseconds, so evictions are slowed down first: an admission webhook of the namespace leads
to a server that never answers, and the API server waits for it.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from game_day.fault import Fault
from game_day.hand import NAMESPACE, SILENT_SERVICE
from game_day.scene import OPERATOR, Scene

SECONDS = 280
WAIT_SECONDS = 10
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


def killed(scene: Scene) -> None:
    """SIGKILL while the intent is written and the API server still holds the eviction."""
    with scene.cut_off(scene.victim(), "request"):
        with _slow_evictions(scene):
            if scene.has_step(accepted=False):
                pod = scene.release.pods("remediator")[0]
                scene.hand.signal(pod.uid, OPERATOR, signal.SIGKILL)
                scene.mark("operator", f"SIGKILL to {pod.name}")
        scene.until(SECONDS)


@contextmanager
def _slow_evictions(scene: Scene) -> Iterator[None]:
    name = f"{scene.release.namespace}-slow-evictions"
    scene.release.cluster.delete(f"{WEBHOOKS}/{name}")
    scene.release.cluster.post(WEBHOOKS, _webhook(name, scene.release.namespace))
    try:
        yield
    finally:
        scene.release.cluster.delete(f"{WEBHOOKS}/{name}")


def _webhook(name: str, namespace: str) -> dict[str, Any]:
    eviction = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods/eviction"]}
    webhook = {
        "name": "slow-evictions.game-day.bot-gateway.dev",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "failurePolicy": "Ignore",
        "timeoutSeconds": WAIT_SECONDS,
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}},
        "rules": [eviction],
        "clientConfig": {"service": {"namespace": NAMESPACE, "name": SILENT_SERVICE, "port": 443}},
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": name},
        "webhooks": [webhook],
    }


FAULTS = (
    Fault(
        "operator-killed",
        "The operator killed between intent and act",
        "one pod is cut off; the API server is made to take 10 s for an eviction, and the operator gets SIGKILL "
        "from the node within them",
        SECONDS,
        killed,
    ),
)
