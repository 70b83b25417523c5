"""The company behind the bot: its four backends wired to one database."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from aiohttp import web
from aiohttp.typedefs import Middleware
from opentelemetry.sdk.trace import TracerProvider

from sandbox.backends import auth, shifts, users
from sandbox.backends.database import Database
from sandbox.backends.idempotency import forget_old
from sandbox.backends.notifier import Notifier
from sandbox.backends.operation import Operation
from sandbox.backends.requests import RequestService
from sandbox.backends.seed import seed_database
from sandbox.backends.service import Backend
from sandbox.backends.telemetry import BackendMetrics, otlp_processor, tracer_provider, tracing_middleware
from sandbox.faults import FaultBoard, ServiceName
from sandbox.ledger import Ledger
from sandbox.people import Person
from sandbox.settings import Settings

BACKENDS: tuple[ServiceName, ...] = ("auth", "request", "user", "shift")


class Company:
    """Builds the backends; each has its own connections, metrics and traces, as services of their own would."""

    def __init__(
        self,
        settings: Settings,
        database_url: str,
        ledger: Ledger,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._settings = settings
        self._url = database_url
        self._ledger = ledger
        self._now = now
        self._databases: dict[ServiceName, Database] = {}
        self._providers: list[TracerProvider] = []
        request_metrics = BackendMetrics()
        self.notifier = Notifier(settings.notify_url, settings.service_token.get_secret_value(), request_metrics)
        self._metrics = {name: BackendMetrics() for name in BACKENDS} | {"request": request_metrics}

    def operations(self, name: ServiceName) -> tuple[Operation, ...]:
        """Return the operations of a backend."""
        by_name = {"auth": auth.OPERATIONS, "user": users.OPERATIONS, "shift": shifts.OPERATIONS}
        return by_name.get(name) or RequestService(self.notifier.announce).operations()

    async def open(self, people: list[Person]) -> None:
        """Connect, make the tables and fill an empty database."""
        turns = asyncio.Lock()
        for name in BACKENDS:
            self._databases[name] = Database(self._url, self._tracer_provider(name), turns)
        database = self._databases["user"]
        await database.create_tables()
        await seed_database(database, people, self._now())

    def applications(self, faults: FaultBoard) -> dict[ServiceName, web.Application]:
        """Return the backends' applications by name."""
        providers = dict(zip(BACKENDS, self._providers, strict=False))
        return {name: self._application(name, faults, providers.get(name)) for name in BACKENDS}

    async def forget_old_answers(self) -> None:
        """Forget idempotency keys that are too old to come again."""
        await forget_old(self._databases["user"], self._now())

    async def close(self) -> None:
        """Stop pushing, close the connections, send the last spans."""
        await self.notifier.close()
        for database in self._databases.values():
            await database.close()
        for provider in self._providers:
            provider.shutdown()

    def _application(self, name: ServiceName, faults: FaultBoard, provider: TracerProvider | None) -> web.Application:
        backend = Backend(
            name,
            self.operations(name),
            database=self._databases[name],
            token=self._settings.service_token.get_secret_value(),
            ledger=self._ledger,
            metrics=self._metrics[name],
            now=self._now,
        )
        outer: list[Middleware] = [tracing_middleware(provider)] if provider else []
        return backend.application(faults, outer)

    def _tracer_provider(self, name: ServiceName) -> TracerProvider | None:
        if not self._settings.otlp_endpoint:
            return None
        provider = tracer_provider(f"{name.capitalize()} Service", otlp_processor(self._settings.otlp_endpoint))
        self._providers.append(provider)
        return provider
