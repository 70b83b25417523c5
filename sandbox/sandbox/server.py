"""The whole sandbox in one process: the Bot API, the backends and the control API, each on its own port."""

import asyncio
import contextlib
import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
from aiohttp import web

from sandbox.backends.database import sqlite_url
from sandbox.company import BACKENDS, Company
from sandbox.control.api import Control
from sandbox.control.page import Page
from sandbox.faults import FaultRegistry, ServiceName
from sandbox.ledger import Ledger
from sandbox.people import seed_people
from sandbox.settings import Settings
from sandbox.telegram.api import BotApi
from sandbox.telegram.simulator import Simulator
from sandbox.telegram.webhook import WebhookSettings
from sandbox.traces.receiver import SpanReceiver, SpanStore
from sandbox.traffic.generator import TrafficGenerator

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

SHUTDOWN_SECONDS = 1.0
SWEEP_SECONDS = 600.0


class PortInUseError(RuntimeError):
    """A port cannot be opened; the message is one line."""


class Sandbox:
    """All simulators; ``async with Sandbox(settings)`` serves until the block exits."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.people = seed_people(settings.traffic_users)
        self.ledger = Ledger(time.time, settings.ledger_size)
        self.faults = FaultRegistry()
        self.telegram = Simulator(
            bot_id=settings.bot_id, people=self.people, ledger=self.ledger, flood_limits=settings.flood_limits
        )
        self.traffic = TrafficGenerator(self.telegram, self.people, settings.traffic_rate)
        self._directory = tempfile.TemporaryDirectory(prefix="sandbox-")
        url = settings.database_url or sqlite_url(Path(self._directory.name) / "company.sqlite")
        self._company = Company(settings, url, self.ledger)
        self._spans = SpanStore()
        self._stack = AsyncExitStack()
        self._runners: list[web.AppRunner] = []
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def ports(self) -> dict[str, int]:
        settings = self.settings
        return {
            "telegram": settings.telegram_port,
            "control": settings.control_port,
            "auth": settings.auth_port,
            "request": settings.request_port,
            "user": settings.user_port,
            "shift": settings.shift_port,
        }

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop traffic and deliveries, close the ports and remove temporary data."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.telegram.close()
        for runner in self._runners:
            await runner.cleanup()
        await self._company.close()
        await self._stack.aclose()
        self._directory.cleanup()

    async def _open(self) -> None:
        settings = self.settings
        if settings.otlp_receiver_port:
            receiver = SpanReceiver(self._spans, settings.otlp_receiver_port, settings.otlp_forward_to)
            await self._stack.enter_async_context(receiver)
        await self._company.open(self.people)
        backends = self._company.applications(self.faults)
        await self._serve(
            "telegram", BotApi(self.telegram, settings.bot_token.get_secret_value()).application(self.faults)
        )
        for name in BACKENDS:
            await self._serve(name, backends[name])
        if settings.webhook_url:
            await self.telegram.set_webhook(
                WebhookSettings(
                    url=settings.webhook_url,
                    secret=settings.webhook_secret.get_secret_value(),
                    max_connections=settings.webhook_max_connections,
                )
            )
        self._tasks = [asyncio.create_task(self.traffic.run()), asyncio.create_task(self._sweep())]
        control = Control(
            simulator=self.telegram,
            ledger=self.ledger,
            faults=self.faults,
            traffic=self.traffic,
            people=self.people,
        )
        page = Page(settings, self._spans, lambda: self.telegram.webhook)
        self._stack.push_async_callback(page.close)
        await self._serve(
            "control", control.application(page.routes())
        )  # last: its /healthz tells that everything else is up
        log.info("sandbox_ready", **self.ports)

    async def _serve(self, name: ServiceName | str, app: web.Application) -> None:
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
        self._runners.append(runner)
        await runner.setup()
        port = self.ports[name]
        try:
            await web.TCPSite(runner, self.settings.host, port).start()
        except OSError as error:
            raise PortInUseError(f"port {port} ({name}) cannot be opened: {error.strerror or error}") from error

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            with contextlib.suppress(OSError):
                await self._company.delete_expired_responses()
