"""The backends' database: SQLite by default, PostgreSQL where a URL is given."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

from opentelemetry import metrics
from opentelemetry.instrumentation.sqlalchemy.engine import EngineTracer
from opentelemetry.trace import TracerProvider
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from sandbox.backends.tables import Base

POOL_SIZE = 10
SQLITE_BUSY_TIMEOUT_MS = 30_000
"""How long a write waits for another process's; those of this one wait for their turn before."""


def sqlite_url(path: Path) -> str:
    """Return the URL of an SQLite file."""
    return f"sqlite+aiosqlite:///{path}"


class Database:
    """One backend's connections. Reads see what is committed, writes are one transaction each.

    ``turns`` is shared by all that write to one SQLite file, which takes one write at a time: its own waiting knows no
    order, so that under load some wait until they fail. A server does that by itself and does not use it.
    """

    def __init__(
        self, url: str, tracer_provider: TracerProvider | None = None, turns: asyncio.Lock | None = None
    ) -> None:
        sqlite = url.startswith("sqlite")
        self._engine = _sqlite_engine(url) if sqlite else _server_engine(url)
        self._turn = (turns or asyncio.Lock()) if sqlite else nullcontext()
        # Reads need no transaction; on SQLite one would take the write lock (see _sqlite_engine).
        self._reads = async_sessionmaker(self._engine.execution_options(isolation_level="AUTOCOMMIT"))
        self._writes = async_sessionmaker(self._engine, expire_on_commit=False)
        if tracer_provider is not None:
            _trace(self._engine, tracer_provider)

    @property
    def engine(self) -> AsyncEngine:
        """SQLAlchemy's engine."""
        return self._engine

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """Give a session for reading."""
        async with self._reads() as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """Give a session whose changes are committed together at the end, or not at all."""
        # The turn comes before the connection: who waits must not keep one from those who read.
        async with self._turn, self._writes.begin() as session:
            yield session

    async def create_tables(self) -> None:
        """Make the tables that are missing."""
        async with self._engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)

    async def close(self) -> None:
        """Close the connections."""
        await self._engine.dispose()


def _server_engine(url: str) -> AsyncEngine:
    return create_async_engine(url, pool_size=POOL_SIZE, max_overflow=POOL_SIZE, pool_pre_ping=True)


def _sqlite_engine(url: str) -> AsyncEngine:
    engine = create_async_engine(url, pool_size=POOL_SIZE, max_overflow=POOL_SIZE)

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        # The driver must not open transactions by itself, or BEGIN IMMEDIATE below comes too late.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {SQLITE_BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        # A write transaction waits for its turn at its begin; one that read first would fail with "locked" instead.
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _trace(engine: AsyncEngine, tracer_provider: TracerProvider) -> None:
    # SQLAlchemyInstrumentor takes one provider a process; each backend has its own, hence its EngineTracer.
    usage = metrics.get_meter(__name__).create_up_down_counter("db.client.connections.usage")
    EngineTracer(tracer_provider.get_tracer(__name__), engine.sync_engine, usage)  # type: ignore[no-untyped-call]  # untyped library
