"""The demo page and its data: gateway metrics, recent traces, active alerts, and the kill switch."""

import os
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import orjson
from aiohttp import web

from sandbox.control.client import Client
from sandbox.control.decisions import OperatorView
from sandbox.control.exposition import parse_gateway_metrics
from sandbox.control.prometheus import Prometheus
from sandbox.control.views import jaeger_view, kill_command, views
from sandbox.jsontypes import JsonObject
from sandbox.settings import Settings
from sandbox.telegram.webhook import SECRET_HEADER, WebhookSettings
from sandbox.traces.receiver import TRACES_KEPT, Span, SpanStore
from sandbox.traces.tree import trace_tree

FILES = Path(__file__).parent.parent / "page"
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
TRACES_SHOWN = 15
UPDATE = "/webhook"
"""Root span of a trace that an update started; the gateway's own Telegram calls have traces too."""

MAX_INVALID = 1000


class Page:
    """Serves the page's files and data; the browser polls."""

    def __init__(self, settings: Settings, spans: SpanStore, webhook: Callable[[], WebhookSettings]) -> None:
        self._settings = settings
        self._webhook = webhook
        self._spans = spans
        self._operator = OperatorView(settings)
        self._client = Client()
        self._prometheus = Prometheus(settings, self._client)

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self.index),
            web.get("/page/{name}", self.file),
            web.get("/gateway", self.gateway),
            web.post("/gateway/kill", self.kill_gateway),
            web.post("/gateway/invalid", self.send_invalid),
            web.get("/traces", self.traces),
            web.get("/alerts", self.alerts),
            web.get("/operator", self.operator),
            web.get("/views", self.views),
        ]

    async def close(self) -> None:
        await self._client.close()

    async def index(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        return _file("index.html")

    async def file(self, request: web.Request) -> web.Response:
        return _file(request.match_info["name"])

    async def gateway(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Return the gateway's metrics: on a cluster Prometheus' sums over replicas, else its own /metrics.

        ``source`` is ``prometheus``, ``metrics`` or ``none``; ``up`` is false if nothing responds.
        """
        if self._prometheus.shows_gateway:
            return _json(await self._replicas())
        url = self._settings.gateway_url
        if not url:
            return _json({"source": "none", "up": False})
        text = await self._client.text(f"{url}/metrics")
        known = {"source": "metrics", "url": url, "can_kill": self._settings.gateway_pid_file is not None}
        return _json(known | ({"up": False} if text is None else {"up": True, **parse_gateway_metrics(text)}))

    async def _replicas(self) -> JsonObject:
        found = await self._prometheus.numbers()
        known = {"source": "prometheus", "kill": kill_command(self._settings.namespace)}
        if found is None:
            return known | {"up": False, "reachable": False}
        return known | {"up": found["replicas_up"] > 0, "reachable": True, **found}

    async def kill_gateway(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Kill the gateway's process with SIGKILL, as a node failure would; the demo restarts it."""
        pid_file = self._settings.gateway_pid_file
        if pid_file is None or not pid_file.exists():
            return _json({"error": "the sandbox does not know the gateway's process id"}, 404)
        try:
            os.kill(int(pid_file.read_text()), signal.SIGKILL)
        except ProcessLookupError:
            return _json({"error": "the gateway is not running"}, 409)
        return _json({"killed": True}, 202)

    async def send_invalid(self, request: web.Request) -> web.Response:
        """Post invalid updates to the bot's webhook, as the alert drill does; return the response statuses."""
        webhook = self._webhook()
        if not webhook.url:
            return _json({"error": "the bot has set no webhook"}, 404)
        wanted = min(int((await request.json()).get("count", 100)), MAX_INVALID)
        headers = {SECRET_HEADER: webhook.secret} if webhook.secret else {}
        statuses: Counter[str] = Counter()
        for _number in range(wanted):
            status = await self._client.post(webhook.url, {"invalid": "data"}, headers)
            statuses["no response" if status is None else str(status)] += 1
        return _json({"sent": wanted, "url": webhook.url, "statuses": statuses})

    async def traces(self, request: web.Request) -> web.Response:
        """Return the latest updates' traces as trees; ``service`` (repeatable) names services that took part."""
        services = frozenset(request.query.getall("service", []))
        found = [spans for spans in self._spans.newest(services, TRACES_KEPT) if _root(spans).name == UPDATE]
        settings = self._settings
        return _json(
            {
                "receiver": bool(settings.otlp_receiver_port),
                "jaeger": jaeger_view(settings).as_json(),
                "items": [_trace(spans) for spans in found[:TRACES_SHOWN]],
            }
        )

    async def alerts(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Return the gateway's pending and firing alerts, and whether Prometheus is reachable."""
        found = await self._prometheus.alerts()
        return _json({"prometheus": found is not None, "items": found or []})

    async def operator(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Return the operator's decisions, the latest first."""
        return _json(await self._operator.decisions())

    async def views(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Return links to the monitoring programs, and how to get the missing ones."""
        return _json({"items": views(self._settings)})


def _root(spans: list[Span]) -> Span:
    return next(span for span in spans if not span.parent_id)


def _trace(spans: list[Span]) -> JsonObject:
    root = _root(spans)
    return {
        "trace_id": root.trace_id,
        "name": root.name,
        "milliseconds": root.milliseconds,
        "failed": any(span.failed for span in spans),
        "started": root.start_ns / 1e9,
        "services": sorted({span.service for span in spans}),
        "tree": trace_tree(spans),
    }


def _file(name: str) -> web.Response:
    path = FILES / name
    kind = TYPES.get(path.suffix)
    if kind is None or path.parent != FILES or not path.is_file():
        raise web.HTTPNotFound
    return web.Response(
        body=path.read_bytes(), content_type=kind, charset="utf-8", headers={"Cache-Control": "no-cache"}
    )


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")
