"""The operator is killed between writing its intent and carrying it out.

That window is some milliseconds long, so evictions are slowed down first: an admission webhook of the namespace
points at a server that never responds, and the API server waits for it.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from game_day.fault import Fault
from game_day.node_agent import NAMESPACE, SILENT_SERVICE
from game_day.scenario import OPERATOR, Scenario

SECONDS = 280
WAIT_SECONDS = 10
WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


def killed(scenario: Scenario) -> None:
    """SIGKILL while the intent is written and the API server still holds the eviction."""
    with scenario.cut_off(scenario.victim(), "request"):
        with _slow_evictions(scenario):
            if scenario.has_step(accepted=False):
                pod = scenario.release.pods("remediator")[0]
                scenario.node.signal(pod.uid, OPERATOR, signal.SIGKILL)
                scenario.mark("operator", f"SIGKILL to {pod.name}")
        scenario.until(SECONDS)


@contextmanager
def _slow_evictions(scenario: Scenario) -> Iterator[None]:
    name = f"{scenario.release.namespace}-slow-evictions"
    scenario.release.api.delete(f"{WEBHOOKS}/{name}")
    scenario.release.api.post(WEBHOOKS, _webhook(name, scenario.release.namespace))
    try:
        yield
    finally:
        scenario.release.api.delete(f"{WEBHOOKS}/{name}")


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
        "The operator killed between intent and action",
        "one pod is cut off; the API server is made to take 10 s for an eviction, and the operator gets SIGKILL "
        "from the node meanwhile",
        SECONDS,
        killed,
    ),
)
