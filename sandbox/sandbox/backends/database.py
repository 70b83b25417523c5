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
"""How long a write waits for a write of another process; writes of this process wait for ``write_lock``."""


def sqlite_url(path: Path) -> str:
    """Return the URL of an SQLite file."""
    return f"sqlite+aiosqlite:///{path}"


class Database:
    """One backend's connections. Reads see committed data, each write is one transaction.

    ``write_lock`` is shared by all writers of one SQLite file, which allows one write at a time. SQLite's own lock is
    not fair: under load some writers would wait until they time out. A database server needs no such lock.
    """

    def __init__(
        self, url: str, tracer_provider: TracerProvider | None = None, write_lock: asyncio.Lock | None = None
    ) -> None:
        sqlite = url.startswith("sqlite")
        self._engine = _sqlite_engine(url) if sqlite else _server_engine(url)
        self._write_lock = (write_lock or asyncio.Lock()) if sqlite else nullcontext()
        # Reads need no transaction; on SQLite one would take the write lock (see _sqlite_engine).
        self._reads = async_sessionmaker(self._engine.execution_options(isolation_level="AUTOCOMMIT"))
        self._writes = async_sessionmaker(self._engine, expire_on_commit=False)
        if tracer_provider is not None:
            _trace(self._engine, tracer_provider)

    @property
    def engine(self) -> AsyncEngine:
        return self._engine

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        async with self._reads() as session:
            yield session

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """Yield a session that commits all changes on success and none on an error."""
        # Lock first, then take a connection: a waiting writer must not hold a connection that readers need.
        async with self._write_lock, self._writes.begin() as session:
            yield session

    async def create_tables(self) -> None:
        """Create missing tables."""
        async with self._engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)

    async def close(self) -> None:
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
        # Take SQLite's write lock at BEGIN: a transaction that reads first and then writes fails with "locked".
        if connection.get_execution_options().get("isolation_level") != "AUTOCOMMIT":
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _trace(engine: AsyncEngine, tracer_provider: TracerProvider) -> None:
    # SQLAlchemyInstrumentor supports one provider per process; each backend has its own, so use EngineTracer.
    usage = metrics.get_meter(__name__).create_up_down_counter("db.client.connections.usage")
    EngineTracer(tracer_provider.get_tracer(__name__), engine.sync_engine, usage)  # type: ignore[no-untyped-call]  # untyped library
