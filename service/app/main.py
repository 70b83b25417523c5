"""Builds the gateway, runs it, and shuts it down without losing an update."""

import asyncio
import contextlib
import gc
import signal
import socket
from contextlib import AsyncExitStack
from typing import Any

import structlog
from aiogram import Bot
from aiogram.types import Update
from aiohttp import web

from app.backends.replica_views import ReplicaViews
from app.background import BackgroundWork
from app.bot.deadline import DeadlineNotice
from app.bot.message_types import message_type
from app.bot.services import Services
from app.bot.setup import build_dispatcher
from app.bot.states import STATE_NAMES
from app.compat.dispatch_index import DispatchIndex
from app.core import metrics
from app.core.activity import Activity
from app.core.health import Health, add_metrics_route
from app.core.logging import configure_logging
from app.core.proxy_url import credentials_of
from app.core.redis import RedisConnections
from app.core.settings import Settings
from app.core.shutdown_timeout import ShutdownTimeout
from app.core.trace_export import configure_tracing
from app.core.version import VERSION, export_build_info
from app.delivery.claims import Claims, load_script
from app.delivery.dead_letters import DeadLetters
from app.delivery.first_delivery import FirstDeliveries
from app.delivery.fsm_storage import SnapshotStorage
from app.delivery.intake import Intake
from app.delivery.keys import KeySpace
from app.delivery.leases import Leases
from app.delivery.pipeline import Pipeline
from app.http_server import HttpServer
from app.notify_endpoint import NotifyEndpoint
from app.telegram.blocked import BlockedUsers
from app.telegram.budget import SendBudget
from app.telegram.refusals import RefusingChats
from app.telegram.session import GatewaySession
from app.webhook import Webhook

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_GC_THRESHOLDS = (50_000, 20, 50)
"""Updates create few reference cycles, but a hundred in flight hold thousands of young objects, which Python's default
threshold of 700 would scan again and again. 50,000 objects take some 10 MB."""
_RELEASE_SECONDS = 2.0


def secrets_of(settings: Settings) -> list[str]:
    """Every value that must not appear in a log."""
    fields = (
        settings.bot_token,
        settings.webhook_secret,
        settings.webhook_secret_previous,
        settings.service_token,
        settings.redis_password,
    )
    values = [field.get_secret_value() for field in fields if field is not None]
    proxies = [
        proxy.get_secret_value() for proxy in (settings.telegram_proxy, settings.https_proxy) if proxy is not None
    ]
    passwords = [credentials_of(proxy)[1] for proxy in proxies]
    return [*values, *proxies, *passwords, settings.bot_token.get_secret_value().partition(":")[2]]


class Gateway:
    """One replica. `start` returns when it accepts updates, `stop` when no update is in flight."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.health = Health()
        self.redis = RedisConnections(settings)
        self.keys = KeySpace(settings.redis_key_prefix, settings.bot_id)
        budget = self._send_budget()
        self.blocked = BlockedUsers.of(self.redis.client, settings)
        self._refusing = RefusingChats(self.redis.batched, self.keys.shared())
        session = GatewaySession(
            settings.telegram_api_base,
            connections=settings.max_in_flight + 20,
            budget=budget,
            blocked=self.blocked,
            refusing=self._refusing,
            lazy_messages=settings.compat_lazy_message,
            proxy=settings.proxy_of_telegram,
        )
        self.bot = Bot(settings.bot_token.get_secret_value(), session=session)
        self.services = Services.from_settings(settings)
        self.dead_letters = DeadLetters.of(self.redis.client, self.keys, settings)
        self.leases = Leases(
            self.redis.batched,
            load_script("renew"),
            lease_seconds=settings.lease_seconds,
            # An update ends at its deadline, and its commit is given up a lease later; twice that is a defect.
            longest_seconds=2 * (settings.update_deadline_seconds + settings.lease_seconds),
        )
        self.dispatcher = build_dispatcher(
            self.services, settings, self.redis.client, SnapshotStorage(), budget=budget, refusing=self._refusing
        )
        self.replica_views = ReplicaViews(
            self.redis.batched, self.keys.shared(), self.services.views, address=_address(settings)
        )
        self._index = DispatchIndex(self.dispatcher, self.bot) if settings.compat_dispatch_index else None
        self.activity = Activity(
            self.redis.batched,
            self.keys.shared(),
            states=sorted(STATE_NAMES),
            session_ttl=settings.session_ttl_seconds,
            fsm_ttl=settings.fsm_ttl_seconds,
        )
        pipeline = Pipeline(
            Claims(self.redis.batched, self.keys, self.leases, settings),
            self._dispatch,
            self.activity,
            FirstDeliveries(self.redis.batched, self.keys),
            notify_deadline=DeadlineNotice(self.dispatcher["i18n"]),
            deadline_seconds=settings.update_deadline_seconds,
            known_states=STATE_NAMES,
        )
        self.intake = Intake(
            pipeline, self.bot, self.dead_letters, message_type=message_type, observe=self.blocked.observe
        )
        self.webhook = Webhook(self.intake, settings)
        self._notify = NotifyEndpoint(self.dispatcher["notifier"], self.bot, settings)
        self._servers: list[HttpServer] = []
        self._background: BackgroundWork | None = None
        self._stack = AsyncExitStack()

    async def start(self) -> None:
        """Start everything. Waits for Redis, but starts without Telegram and the backends."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.redis.close)
            stack.push_async_callback(self.bot.session.close)
            await self.services.start()
            stack.push_async_callback(self.services.close)
            self.leases.start()
            stack.push_async_callback(self.leases.stop)
            await self._listen(stack)
            await self._wait_for_redis()
            await self.redis.warn_about_lossy_configuration()
            await self.dispatcher.emit_startup(bot=self.bot)
            stack.push_async_callback(self.dispatcher.emit_shutdown)
            background = BackgroundWork(
                self.settings,
                self.redis,
                self.keys,
                bot=self.bot,
                intake=self.intake,
                activity=self.activity,
                dead_letters=self.dead_letters,
                blocked=self.blocked,
                refusing=self._refusing,
                replica_views=self.replica_views,
                allowed_updates=sorted(self.dispatcher.resolve_used_update_types()),
                set_obstacle=self.health.set_obstacle,
            )
            background.start()
            self._background = background
            stack.push_async_callback(background.stop)
            # Pushed last, so that it stops first: updates in flight need the rest to release their chat locks.
            # It is also on the stack of `_listen`; stopping twice is harmless.
            stack.push_async_callback(self._stop_serving)
            self._stack = stack.pop_all()
        # Objects made so far live for ever; a full collection of them would take 140 ms.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_GC_THRESHOLDS)
        self.health.started = self.health.ready = True
        log.info("gateway_ready", version=VERSION, port=self.settings.port, update_mode=self.settings.update_mode)

    async def stop(self) -> None:
        """Drain: not ready, but still serving, until nothing is in flight or the grace period is over."""
        self.health.ready = False
        self.webhook.closing = True
        log.info("gateway_draining", in_flight=self.webhook.in_flight)
        grace = self.settings.shutdown_grace_seconds
        handing_over = asyncio.create_task(self._hand_over())
        # Kubernetes needs a moment to remove the pod from the Service's endpoints; requests still arrive until then.
        await asyncio.sleep(min(2.0, grace / 5))
        self.webhook.draining = True
        with contextlib.suppress(TimeoutError):
            # The rest of the grace period is for closing connections and exporting the last spans.
            # A notification that is cancelled may have been sent, and its backend would repeat it.
            idle = asyncio.gather(
                self.webhook.idle.wait(), self._notify.idle.wait(), handing_over, return_exceptions=True
            )
            await asyncio.wait_for(idle, grace * 0.6)
        await self._stack.aclose()
        log.info("gateway_stopped", in_flight=self.webhook.in_flight)

    async def _hand_over(self) -> None:
        if self._background is not None:
            await self._background.hand_over()

    def _send_budget(self) -> SendBudget | None:
        messages_per_second = self.settings.telegram_messages_per_second
        if not messages_per_second:
            return None
        return SendBudget(self.redis.batched, self.keys, messages_per_second=messages_per_second)

    async def _dispatch(self, update: Update) -> Any:
        if self._index is None:
            return await self.dispatcher.feed_update(self.bot, update)
        return await self._index.feed(update)

    async def _listen(self, stack: AsyncExitStack) -> None:
        public = web.Application()
        public.router.add_post("/webhook", self.webhook.handle)
        internal = public
        servers = [public]
        port, internal_port = self.settings.port, self.settings.internal_port or self.settings.port
        if internal_port != port:
            internal = web.Application()
            servers.append(internal)
            if self.settings.public_metrics:
                add_metrics_route(public)
        add_metrics_route(internal)
        self.health.add_routes(internal)
        internal.router.add_post("/internal/notify", self._notify.handle)
        for application, listen_on in zip(servers, (port, internal_port), strict=False):
            server = HttpServer(application, self.settings.host, listen_on, connections=self.settings.max_connections)
            self._servers.append(server)
            stack.push_async_callback(self._stop_serving)
            await server.start()

    async def _stop_serving(self) -> None:
        """Stop accepting requests. Updates in flight are cancelled and release their chat locks."""
        for server in self._servers:
            await server.stop()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.webhook.idle.wait(), _RELEASE_SECONDS)

    async def _wait_for_redis(self) -> None:
        waits = 0
        while not await self.redis.ping():
            if waits % 10 == 0:
                log.warning("redis_unreachable", waiting=True)
            waits += 1
            await asyncio.sleep(0.5)


def _address(settings: Settings) -> str:
    """Return host:port at which other replicas reach this one."""
    host = settings.pod_ip
    if not host:
        try:
            host = socket.gethostbyname(socket.gethostname())
        except OSError:
            # A host without a name of its own has no peers that could use it.
            host = "127.0.0.1"
    return f"{host}:{settings.internal_port or settings.port}"


async def serve(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, then shut down within the grace period. Raises CannotListenError."""
    metrics.initialise()
    export_build_info()
    stop_tracing = configure_tracing(settings, version=VERSION, secrets=secrets_of(settings))
    try:
        await _run_until_asked_to_stop(settings)
    finally:
        await asyncio.to_thread(stop_tracing)


async def _run_until_asked_to_stop(settings: Settings) -> None:
    asked_to_stop = asyncio.Event()
    shutdown_timeout = ShutdownTimeout(settings.shutdown_grace_seconds)
    loop = asyncio.get_running_loop()

    def ask_to_stop() -> None:
        shutdown_timeout.start(loop)
        asked_to_stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ask_to_stop)
    gateway = Gateway(settings)
    starting = asyncio.create_task(gateway.start())
    stopping = asyncio.create_task(asked_to_stop.wait())
    await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done():
        await starting
        await stopping
        await gateway.stop()
    else:
        starting.cancel()
        await asyncio.wait({starting})


def run(settings: Settings) -> None:
    """Configure logging and run the event loop until the process ends. Raises CannotListenError."""
    import uvloop

    configure_logging(settings.log_level, secrets_of(settings))
    uvloop.run(serve(settings))
