"""The demo page and what it shows: the gateway's numbers, the latest traces, active alerts; and the kill switch."""

import os
import signal
from collections import Counter
from pathlib import Path

import aiohttp
import orjson
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families

from sandbox.control.decisions import OperatorView
from sandbox.control.views import views
from sandbox.jsontypes import JsonObject
from sandbox.settings import Settings
from sandbox.traces.receiver import TRACES_KEPT, Span, SpanStore
from sandbox.traces.tree import trace_tree

FILES = Path(__file__).parent.parent / "page"
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
TIMEOUT_SECONDS = 3.0
TRACES_SHOWN = 15
UPDATE = "/webhook"
"""The name of a trace that an update began; the gateway's own calls of Telegram are traces too."""

MAX_INVALID = 1000

_SUMS = {
    "messages": "bot_gateway_messages_total",
    "callbacks": "bot_gateway_callbacks_total",
    "errors": "bot_gateway_errors_total",
    "duplicates": "bot_gateway_duplicate_updates_total",
    "limited": "bot_gateway_rate_limit_blocks_total",
}
_DURATION = "bot_gateway_message_processing_duration_seconds"
_BREAKER = "bot_gateway_service_circuit_breaker_state"


class Page:
    """The page's files and its data; everything is asked for by the browser again and again."""

    def __init__(self, settings: Settings, spans: SpanStore) -> None:
        self._settings = settings
        self._spans = spans
        self._operator = OperatorView(settings)
        self._session: aiohttp.ClientSession | None = None

    def routes(self) -> list[web.RouteDef]:
        """Return the page's routes."""
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
        """Close the connections."""
        if self._session is not None:
            await self._session.close()

    async def index(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Serve the page."""
        return _file("index.html")

    async def file(self, request: web.Request) -> web.Response:
        """Serve one of the page's files."""
        return _file(request.match_info["name"])

    async def gateway(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Return the gateway's numbers; ``up`` is false while it does not answer."""
        if not self._settings.gateway_url:
            return _json({"known": False, "up": False})
        text = await self._text(f"{self._settings.gateway_url}/metrics")
        can_kill = self._settings.gateway_pid_file is not None
        known = {"known": True, "url": self._settings.gateway_url, "can_kill": can_kill}
        return _json(known | ({"up": False} if text is None else {"up": True, **gateway_numbers(text)}))

    async def kill_gateway(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Kill the gateway's process (SIGKILL), as a lost node would; who started it starts it again."""
        pid_file = self._settings.gateway_pid_file
        if pid_file is None or not pid_file.exists():
            return _json({"error": "this sandbox does not know the gateway's process"}, 404)
        try:
            os.kill(int(pid_file.read_text()), signal.SIGKILL)
        except ProcessLookupError:
            return _json({"error": "the gateway does not run"}, 409)
        return _json({"killed": True}, 202)

    async def send_invalid(self, request: web.Request) -> web.Response:
        """Post invalid updates to the gateway, as the drill of the alerts does; return the answers' statuses."""
        if not self._settings.gateway_url:
            return _json({"error": "this sandbox does not know the gateway"}, 404)
        wanted = min(int((await request.json()).get("count", 100)), MAX_INVALID)
        statuses: Counter[str] = Counter()
        for _number in range(wanted):
            statuses[await self._post_invalid(f"{self._settings.gateway_url}/webhook")] += 1
        return _json({"sent": wanted, "statuses": statuses})

    async def _post_invalid(self, url: str) -> str:
        try:
            async with self._open().post(url, json={"invalid": "data"}) as response:
                return str(response.status)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return "no answer"

    async def traces(self, request: web.Request) -> web.Response:
        """Return the latest updates' traces as trees; ``service`` (repeatable) names services that took part."""
        services = frozenset(request.query.getall("service", []))
        found = [spans for spans in self._spans.newest(services, TRACES_KEPT) if _root(spans).name == UPDATE]
        settings = self._settings
        return _json(
            {
                "receiver": bool(settings.otlp_receiver_port),
                "jaeger": settings.jaeger_url,
                "items": [_trace(spans) for spans in found[:TRACES_SHOWN]],
            }
        )

    async def alerts(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Return the gateway's pending and firing alerts in Prometheus, or that there is no Prometheus."""
        url = self._settings.prometheus_url
        text = await self._text(f"{url}/api/v1/alerts") if url else None
        if text is None:
            return _json({"prometheus": False, "items": []})
        found = orjson.loads(text)["data"]["alerts"]
        return _json({"prometheus": True, "items": [alert for alert in found if self._is_ours(alert["labels"])]})

    def _is_ours(self, labels: JsonObject) -> bool:
        """Whether it is an alert of the chart, and in the namespace that the page is about where that is known."""
        namespace = self._settings.remediations_namespace
        return labels.get("service") == "bot-gateway" and namespace in ("", labels.get("namespace"))

    async def operator(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Return what the operator decided, the latest first."""
        return _json(await self._operator.decisions())

    async def views(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Return the programs with pages of their own, and how to get those that are missing."""
        return _json({"items": views(self._settings)})

    async def _text(self, url: str) -> str | None:
        try:
            async with self._open().get(url) as response:
                return await response.text() if response.ok else None
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))
        return self._session


def gateway_numbers(exposition: str) -> JsonObject:
    """Return what the page shows of the gateway's metrics; counters and buckets since its start."""
    sums = dict.fromkeys(_SUMS.values(), 0.0)
    buckets: dict[float, float] = {}
    breakers: dict[str, int] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            if sample.name in sums:
                sums[sample.name] += sample.value
            elif sample.name == f"{_DURATION}_bucket":
                bound = float(sample.labels["le"])
                buckets[bound] = buckets.get(bound, 0) + sample.value
            elif sample.name == _BREAKER:
                breakers[sample.labels["service_name"]] = int(sample.value)
    finite = [[bound, count] for bound, count in sorted(buckets.items()) if bound != float("inf")]
    totals = {name: sums[metric] for name, metric in _SUMS.items()}
    return {**totals, "buckets": finite, "handled": buckets.get(float("inf"), 0), "breakers": breakers}


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
