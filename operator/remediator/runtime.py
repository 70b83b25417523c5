"""Putting the operator together and running it under kopf."""

import asyncio
import socket
import ssl
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import kopf
import structlog
from kubernetes.aio import client
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from remediator.events import EventRecorder
from remediator.handlers import build_registry
from remediator.health import Heartbeat, Readiness
from remediator.intake.alert_store import AlertStore
from remediator.intake.poll import Poller
from remediator.intake.replicas import AlertmanagerReplicas
from remediator.intake.server import IntakeServer, listen
from remediator.intake.sources import Alertmanager, Prometheus
from remediator.intake.token import BearerToken, TokenUnreadableError
from remediator.kube import ConnectionFailedError, KubeError, connect
from remediator.kubernetes_api import KubernetesApi
from remediator.logs import configure_logging
from remediator.metrics import Metrics
from remediator.observe.observer import Observer
from remediator.observe.replicas import SignalReplicas
from remediator.observe.signals import SignalReader
from remediator.reconcile.announce import Announcer
from remediator.reconcile.operator import Operator
from remediator.reconcile.reconciler import Reconciler
from remediator.reconcile.store import Store
from remediator.schema_check import SchemaCheck, compare_schema
from remediator.settings import Settings, SettingsError, load_settings
from remediator.tracing import configure_tracing

EXIT_SETTINGS = 2
EXIT_FAILED = 1
STUCK_AFTER = timedelta(seconds=60)
DRAIN_SECONDS = 3.0
SCHEMA_SECONDS = 60.0

_log = structlog.get_logger(__name__)


def utcnow() -> datetime:
    """Return the time, with its zone."""
    return datetime.now(UTC)


def main() -> int:
    """Run until a signal; return the exit code. A wrong setting is one line and 2."""
    try:
        settings = load_settings()
        token = _token(settings)
        tls = _tls(settings)
        sockets = _listen(settings)
    except (SettingsError, TokenUnreadableError) as error:
        print(f"remediator: {error}", file=sys.stderr)
        return EXIT_SETTINGS
    configure_logging(settings.log_level)
    stop_tracing = configure_tracing()
    try:
        return asyncio.run(_run(settings, token, Endpoint(sockets, tls)))
    finally:
        stop_tracing()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where alerts come in: sockets that listen already, and the certificate where TLS is served."""

    sockets: list[socket.socket]
    tls: ssl.SSLContext | None


async def _run(settings: Settings, token: BearerToken, endpoint: Endpoint) -> int:
    stop = asyncio.Event()
    try:
        api = await connect()
    except ConnectionFailedError as error:
        print(f"remediator: {error}", file=sys.stderr)
        return EXIT_SETTINGS
    async with api, aiohttp.ClientSession() as session:
        program = Program(settings, token, endpoint, api, session, stop)
        try:
            await kopf.operator(
                registry=build_registry(program), namespaces=[settings.namespace], standalone=True, stop_flag=stop
            )
        except Exception:  # noqa: BLE001 - logged with its trace, and the exit code says so
            # kopf ends with whatever error its watching met; the pod restarts and continues from the status.
            _log.exception("watching ended")
            return EXIT_FAILED
    return EXIT_FAILED if program.failed else 0


def _token(settings: Settings) -> BearerToken:
    fixed = settings.webhook_token.get_secret_value() if settings.webhook_token else None
    return BearerToken(file=settings.webhook_token_file, fixed=fixed, monotonic=time.monotonic)


def _listen(settings: Settings) -> list[socket.socket]:
    try:
        return listen(settings.host, settings.port)
    except OSError as error:
        raise SettingsError(f"{settings.host}:{settings.port} cannot be listened on: {error.strerror}") from error


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.tls_certificate_file is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(settings.tls_certificate_file, settings.tls_key_file)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"REMEDIATOR_TLS_CERTIFICATE_FILE or its key cannot be used: {error}") from error
    return context


class Program:
    """The operator between kopf's startup and cleanup."""

    def __init__(
        self,
        settings: Settings,
        token: BearerToken,
        endpoint: Endpoint,
        api: client.ApiClient,
        session: aiohttp.ClientSession,
        stop: asyncio.Event,
    ) -> None:
        self.failed = False
        self._schema: SchemaCheck | None = None
        self._schema_known = False
        self._settings = settings
        self._endpoint = endpoint
        self._api = api
        self._stop = stop
        self._tasks: list[asyncio.Task[None]] = []
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._metrics = Metrics(registry)
        kubernetes = KubernetesApi(api, settings.namespace, settings.api_timeout_seconds)
        heartbeat = Heartbeat(time.monotonic, settings.heartbeat_limit_seconds)
        readiness = Readiness()
        alert_store = AlertStore(
            clock=utcnow,
            monotonic=time.monotonic,
            polling=bool(settings.alertmanager_url),
            receiver=settings.receiver,
        )
        alertmanagers = [Alertmanager(session, str(url), settings.namespace) for url in settings.alertmanager_url]
        poller = Poller(
            alertmanager=AlertmanagerReplicas(alertmanagers) if alertmanagers else None,
            alert_store=alert_store,
            metrics=self._metrics,
            clock=utcnow,
            monotonic=time.monotonic,
        )
        signals = [
            SignalReader(Prometheus(session, str(url)), settings.namespace, settings.metrics_prefix)
            for url in settings.prometheus_url
        ]
        store = self._store = Store(kubernetes)
        self._events = EventRecorder(kubernetes, instance=socket.gethostname())
        observer = Observer(
            kubernetes=kubernetes,
            alert_store=alert_store,
            signals=SignalReplicas(signals) if signals else None,
            metrics=self._metrics,
            refresh=poller.refresh,
            clock=utcnow,
            settling=timedelta(seconds=settings.settling_seconds),
        )
        announcer = Announcer(events=self._events, metrics=self._metrics, clock=utcnow)
        reconciler = Reconciler(
            kubernetes=kubernetes,
            store=store,
            observer=observer,
            announcer=announcer,
            metrics=self._metrics,
            clock=utcnow,
        )
        self._operator = Operator(
            store=store,
            reconciler=reconciler,
            observer=observer,
            announcer=announcer,
            alert_store=alert_store,
            poller=poller,
            metrics=self._metrics,
            heartbeat=heartbeat,
            readiness=readiness,
            clock=utcnow,
            monotonic=time.monotonic,
            interval=timedelta(seconds=settings.poll_seconds),
            stuck_after=STUCK_AFTER,
        )
        self._server = IntakeServer(
            inbox=self._operator,
            token=token,
            metrics=self._metrics,
            heartbeat=heartbeat,
            readiness=readiness,
            persist_timeout=settings.webhook_timeout_seconds,
        )

    async def start(self) -> None:
        """Check the schema, listen, and start to reconcile."""
        settings = self._settings
        await self._check_schema()
        if not settings.alertmanager_url and not settings.prometheus_url:
            _log.warning(
                "neither REMEDIATOR_ALERTMANAGER_URL nor REMEDIATOR_PROMETHEUS_URL is set: "
                "only a Watchdog alert sent to the webhook can prove that a signal is not lost"
            )
        await self._server.start(self._endpoint.sockets, self._endpoint.tls)
        works = (
            ("events", self._events.run()),
            ("operator", self._operator.run()),
            ("schema", self._watch_schema()),
        )
        for name, work in works:
            task = asyncio.create_task(work, name=name)
            task.add_done_callback(self._ended)
            self._tasks.append(task)
        _log.info("started", namespace=settings.namespace, port=settings.port)

    async def stop(self) -> None:
        """Finish what is in flight and stop."""
        await self._server.stop()
        await self._events.drain(DRAIN_SECONDS)
        for task in self._tasks:
            task.remove_done_callback(self._ended)
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        _log.info("stopped")

    async def _check_schema(self) -> None:
        try:
            schema = await compare_schema(self._api, self._settings.api_timeout_seconds)
            self._schema_known = True
        except KubeError as error:
            # Not known is no reason to change between reading and writing.
            schema = SchemaCheck(f"not compared: {error}", too_old=self._store.read_only)
        self._store.read_only = schema.too_old
        self._metrics.read_only.set(schema.too_old)
        if schema != self._schema:
            self._schema = schema
            log = _log.error if schema.too_old else _log.info
            log("schema", result=schema.line, read_only=schema.too_old)

    async def _watch_schema(self) -> None:
        """Look again while the schema is too old or unknown: Helm never upgrades CRDs, a person applies them later."""
        while True:
            await asyncio.sleep(SCHEMA_SECONDS)
            if self._store.read_only or not self._schema_known:
                await self._check_schema()

    def policy_seen(self, body: Mapping[str, Any], *, deleted: bool) -> None:
        """Pass on what kopf saw."""
        self._operator.policy_seen(body, deleted=deleted)

    def remediation_seen(self, body: Mapping[str, Any], *, deleted: bool) -> None:
        """Pass on what kopf saw."""
        self._operator.remediation_seen(body, deleted=deleted)

    def pod_seen(self, owner: str) -> None:
        """Pass on what kopf saw."""
        self._operator.pod_seen(owner)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task that ends is an error: the whole program exits, is restarted and continues from the status."""
        self.failed = True
        error = None if task.cancelled() else task.exception()
        _log.error("task ended", task=task.get_name(), exc_info=error)
        self._stop.set()
