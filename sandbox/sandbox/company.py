"""The company that runs the bot: its four backends on one database."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from aiohttp import web
from aiohttp.typedefs import Middleware
from opentelemetry.sdk.trace import TracerProvider

from sandbox.backends import auth, shifts, users
from sandbox.backends.database import Database
from sandbox.backends.idempotency import delete_expired
from sandbox.backends.notifier import Notifier
from sandbox.backends.operation import Operation
from sandbox.backends.requests import RequestService
from sandbox.backends.seed import seed_database
from sandbox.backends.service import Backend
from sandbox.backends.telemetry import BackendMetrics, otlp_processor, tracer_provider, tracing_middleware
from sandbox.faults import FaultRegistry, ServiceName
from sandbox.ledger import Ledger
from sandbox.people import Person
from sandbox.settings import Settings

BACKENDS: tuple[ServiceName, ...] = ("auth", "request", "user", "shift")


class Company:
    """Builds the backends. Each has its own connections, metrics and traces, as separate services would."""

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
        by_name = {"auth": auth.OPERATIONS, "user": users.OPERATIONS, "shift": shifts.OPERATIONS}
        return by_name.get(name) or RequestService(self.notifier.publish).operations()

    async def open(self, people: list[Person]) -> None:
        """Connect, create the tables and seed an empty database."""
        write_lock = asyncio.Lock()
        for name in BACKENDS:
            self._databases[name] = Database(self._url, self._tracer_provider(name), write_lock)
        database = self._databases["user"]
        await database.create_tables()
        await seed_database(database, people, self._now())

    def applications(self, faults: FaultRegistry) -> dict[ServiceName, web.Application]:
        providers = dict(zip(BACKENDS, self._providers, strict=False))
        return {name: self._application(name, faults, providers.get(name)) for name in BACKENDS}

    async def delete_expired_responses(self) -> None:
        """Delete stored responses whose idempotency keys have expired."""
        await delete_expired(self._databases["user"], self._now())

    async def close(self) -> None:
        """Stop the notifier, close the connections and flush spans."""
        await self.notifier.close()
        for database in self._databases.values():
            await database.close()
        for provider in self._providers:
            provider.shutdown()

    def _application(
        self, name: ServiceName, faults: FaultRegistry, provider: TracerProvider | None
    ) -> web.Application:
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
