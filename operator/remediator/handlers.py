"""kopf's part: watch the two kinds and the pods, and shut down on a signal.

Nothing is written by kopf: no peering object, no annotation, no finalizer, no Event. Handlers only report to
the operator what they saw; every decision is made in :mod:`remediator.reconcile`.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import kopf

from remediator.api.names import GROUP, POLICY_PLURAL, REMEDIATION_PLURAL, VERSION
from remediator.tls import ApiServerConnection

_SERVER_TIMEOUT_SECONDS = 300
"""A whole number: the API server refuses any other with 400."""
_CLIENT_TIMEOUT_SECONDS = 330.0
_CONNECT_TIMEOUT_SECONDS = 10.0
_INACTIVITY_SECONDS = 90.0


class Watcher(Protocol):
    """What the handlers report to."""

    async def start(self) -> None:
        """Begin to work; called before anything is seen."""

    async def stop(self) -> None:
        """Stop working; called once, at the end."""

    def policy_seen(self, body: Mapping[str, Any], *, deleted: bool) -> None:
        """A policy is there, changed or went."""

    def remediation_seen(self, body: Mapping[str, Any], *, deleted: bool) -> None:
        """A remediation is there, changed or went."""

    def pod_seen(self, owner: str) -> None:
        """A pod was made, changed or went; ``owner`` is the name of what controls it."""


def build_registry(watcher: Watcher) -> kopf.OperatorRegistry:
    """Return kopf's handlers, all of them bound to ``watcher``."""
    registry = kopf.OperatorRegistry()

    @kopf.on.startup(registry=registry)
    async def startup(settings: kopf.OperatorSettings, **_: Any) -> None:
        configure(settings)
        await watcher.start()

    @kopf.on.login(registry=registry)
    async def login(**arguments: Any) -> kopf.ConnectionInfo | None:
        found = kopf.login_with_service_account(**arguments) or kopf.login_with_kubeconfig(**arguments)
        return ApiServerConnection.like(found) if found is not None else None

    @kopf.on.cleanup(registry=registry)
    async def cleanup(**_: Any) -> None:
        await watcher.stop()

    @kopf.on.event(GROUP, VERSION, POLICY_PLURAL, registry=registry)
    async def policy(event: kopf.RawEvent, **_: Any) -> None:
        watcher.policy_seen(event["object"], deleted=event["type"] == "DELETED")

    @kopf.on.event(GROUP, VERSION, REMEDIATION_PLURAL, registry=registry)
    async def remediation(event: kopf.RawEvent, **_: Any) -> None:
        watcher.remediation_seen(event["object"], deleted=event["type"] == "DELETED")

    @kopf.on.event("", "v1", "pods", registry=registry)
    async def pod(event: kopf.RawEvent, **_: Any) -> None:
        metadata: Mapping[str, Any] = event["object"]["metadata"]
        owners = metadata.get("ownerReferences", [])
        watcher.pod_seen(next((str(owner["name"]) for owner in owners if owner.get("controller")), ""))

    return registry


def configure(settings: kopf.OperatorSettings) -> None:
    """Switch off what kopf would write, and give every watch a limit."""
    settings.scanning.disabled = True
    settings.peering.standalone = True
    settings.posting.enabled = False
    settings.watching.server_timeout = _SERVER_TIMEOUT_SECONDS
    settings.watching.client_timeout = _CLIENT_TIMEOUT_SECONDS
    settings.watching.connect_timeout = _CONNECT_TIMEOUT_SECONDS
    settings.watching.inactivity_timeout = _INACTIVITY_SECONDS
