"""The HTTP server of the operator: /alerts for Alertmanager, /metrics, /livez and /readyz.

``POST /alerts`` answers 200 only after every alert that a policy wants is written to the API server. Where
that cannot be done it answers 503, because Alertmanager sends 5xx again and forgets 4xx.
"""

import asyncio
import json
import socket
import ssl
from collections.abc import Iterable
from typing import Protocol

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import ValidationError

from remediator.health import Heartbeat, Readiness
from remediator.intake.payload import Received, WebhookMessage
from remediator.intake.token import BearerToken
from remediator.metrics import Metrics

BODY_LIMIT_BYTES = 4 * 1024 * 1024
SHUTDOWN_SECONDS = 5.0

_log = structlog.get_logger(__name__)


class NotPersistedError(Exception):
    """The alerts could not be written down, so they must be sent again."""


def listen(host: str, port: int) -> list[socket.socket]:
    """Return a listening socket for each address of the host.

    Raises:
        OSError: when the host has no address, or one of them cannot be listened on.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses = dict.fromkeys((family, address[:2]) for family, _, _, _, address in found)
    # A single `::` is every address of both families; beside 0.0.0.0 each family has a socket of its own.
    is_both = len(addresses) == 1
    return [_listening(family, (str(name), int(number)), is_both=is_both) for family, (name, number) in addresses]


def _listening(family: int, address: tuple[str, int], *, is_both: bool) -> socket.socket:
    # socket.create_server adds the address to the error's words; whoever reads them is told it already.
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(not is_both))
        listening.bind(address)
        listening.listen()
    except OSError:
        listening.close()
        raise
    return listening


class Inbox(Protocol):
    """Where alerts go."""

    async def submit(self, alerts: list[Received], *, receiver: str = "", truncated: bool = False) -> None:
        """Persist the alerts that a policy wants.

        Args:
            alerts: the alerts of the message.
            receiver: the operator's receiver, as Alertmanager names it.
            truncated: whether Alertmanager left alerts out of the message.

        Raises:
            NotPersistedError: when one of them could not be written.
        """


class IntakeServer:
    """Serves the operator's HTTP endpoints between :meth:`start` and :meth:`stop`."""

    def __init__(
        self,
        *,
        inbox: Inbox,
        token: BearerToken,
        metrics: Metrics,
        heartbeat: Heartbeat,
        readiness: Readiness,
        persist_timeout: float,
    ) -> None:
        self._inbox = inbox
        self._token = token
        self._metrics = metrics
        self._heartbeat = heartbeat
        self._readiness = readiness
        self._persist_timeout = persist_timeout
        self._runner: web.AppRunner | None = None

    def application(self) -> web.Application:
        """Return the routes as an aiohttp application."""
        app = web.Application(client_max_size=BODY_LIMIT_BYTES)
        app.router.add_post("/alerts", self._alerts)
        app.router.add_get("/metrics", self._serve_metrics)
        app.router.add_get("/livez", self._livez)
        app.router.add_get("/readyz", self._readyz)
        return app

    async def start(self, sockets: Iterable[socket.socket], tls: ssl.SSLContext | None) -> None:
        """Serve on sockets that listen already."""
        self._runner = web.AppRunner(self.application(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        await self._runner.setup()
        for listening in sockets:
            await web.SockSite(self._runner, listening, ssl_context=tls).start()

    async def stop(self) -> None:
        """Finish the requests in flight and stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    async def _alerts(self, request: web.Request) -> web.Response:
        response = await self._take(request)
        self._metrics.webhook_requests.labels(str(response.status)).inc()
        return response

    async def _take(self, request: web.Request) -> web.Response:
        if not self._token.accepts(request.headers.get("Authorization")):
            return web.json_response(
                {"error": "a valid bearer token is required"}, status=401, headers={"WWW-Authenticate": "Bearer"}
            )
        try:
            message = WebhookMessage.model_validate(json.loads(await request.read()))
        except web.HTTPRequestEntityTooLarge:
            return web.json_response({"error": f"the limit is {BODY_LIMIT_BYTES} bytes"}, status=413)
        except ValidationError as error:
            return web.json_response({"error": _first_problem(error)}, status=400)
        except (ValueError, RecursionError):
            return web.json_response({"error": "the body is not JSON"}, status=400)
        alerts, malformed = message.received()
        if malformed:
            self._metrics.alerts_malformed.labels("webhook").inc(malformed)
            _log.warning("malformed alerts refused", malformed=malformed, taken=len(alerts))
            if not alerts:
                return web.json_response({"error": "every alert of the message is malformed"}, status=400)
        self._metrics.alerts_received.labels("webhook").inc(len(alerts))
        self._metrics.last_success.labels("webhook").set_to_current_time()
        try:
            async with asyncio.timeout(self._persist_timeout):
                await self._inbox.submit(alerts, receiver=message.receiver, truncated=message.truncatedAlerts > 0)
        except NotPersistedError as error:
            _log.warning("webhook not persisted", alerts=len(alerts), error=str(error))
            return web.json_response({"error": str(error)}, status=503)
        except TimeoutError:
            _log.warning("webhook not persisted in time", alerts=len(alerts), seconds=self._persist_timeout)
            return web.json_response({"error": "not persisted in time"}, status=503)
        return web.json_response({"accepted": len(alerts)})

    async def _serve_metrics(self, _request: web.Request) -> web.Response:
        body = generate_latest(self._metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _livez(self, _request: web.Request) -> web.Response:
        age = self._heartbeat.age
        status = 200 if self._heartbeat.alive else 503
        return web.json_response({"alive": status == 200, "heartbeatAgeSeconds": round(age, 3)}, status=status)

    async def _readyz(self, _request: web.Request) -> web.Response:
        status = 200 if self._readiness.ready else 503
        return web.json_response({"ready": self._readiness.ready, "missing": self._readiness.reasons}, status=status)


def _first_problem(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]
