"""Endpoints for Kubernetes' probes and for Prometheus."""

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.openmetrics.exposition import (
    CONTENT_TYPE_LATEST as OPENMETRICS_TYPE,
    generate_latest as generate_openmetrics,
)

from app.core import metrics
from app.core.metric_family import REGISTRY


class Health:
    """The replica's own state.

    Readiness does not depend on Redis or a backend: a shared outage must not take all replicas out of service at once.
    """

    def __init__(self) -> None:
        self.started = False
        self._ready = False
        self._obstacle = ""

    @property
    def ready(self) -> bool:
        """Whether the replica should receive traffic."""
        return self._ready

    @ready.setter
    def ready(self, value: bool) -> None:
        self._ready = value
        metrics.READY.set(self._is_ready)

    @property
    def _is_ready(self) -> bool:
        return self._ready and not self._obstacle

    def set_obstacle(self, reason: str) -> None:
        """Set why this replica cannot receive updates, which only polling knows; empty: it can."""
        self._obstacle = reason
        metrics.READY.set(self._is_ready)

    def add_routes(self, application: web.Application) -> None:
        """Serve /livez, /readyz and /startupz."""
        application.router.add_get("/livez", _live)
        application.router.add_get("/readyz", self._readyz)
        application.router.add_get("/startupz", self._startupz)

    async def _readyz(self, _request: web.Request) -> web.Response:
        if self._ready and self._obstacle:
            return web.Response(status=503, text=f"{self._obstacle}\n")
        return _yes_or_no(self._ready)

    async def _startupz(self, _request: web.Request) -> web.Response:
        return _yes_or_no(self.started)


def add_metrics_route(application: web.Application) -> None:
    """Serve /metrics."""
    application.router.add_get("/metrics", _metrics)


async def _live(_request: web.Request) -> web.Response:
    # A response at all proves that the event loop runs.
    return _yes_or_no(True)


async def _metrics(request: web.Request) -> web.Response:
    if "application/openmetrics-text" in request.headers.get("Accept", ""):
        content_type = OPENMETRICS_TYPE
        body = generate_openmetrics(REGISTRY)  # type: ignore[no-untyped-call]  # it has no annotations
    else:
        content_type = CONTENT_TYPE_LATEST
        body = generate_latest(REGISTRY)
    return web.Response(body=body, headers={"Content-Type": content_type})


def _yes_or_no(yes: bool) -> web.Response:
    return web.Response(text="ok\n") if yes else web.Response(status=503, text="not yet\n")
