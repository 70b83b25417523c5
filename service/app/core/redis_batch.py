"""Sends the commands of concurrent tasks in batches over two connections.

A pool gives each task its own connection and its own write. Here all commands of one iteration of the event loop go out
in one write, which halves the cost of an update's two calls. Connections are redis-py's, with its authentication, TLS
and errors. While one connection waits for replies, the other sends what was queued meanwhile.
"""

import asyncio
import hashlib
from collections.abc import Callable
from typing import Any, Protocol

import structlog
from hiredis import pack_command
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import (
    ClusterDownError,
    NoScriptError,
    OutOfMemoryError,
    ReadOnlyError,
    RedisError,
    ResponseError,
    TryAgainError,
)

from app.core.redis_metrics import measured

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_TRANSIENT_ERRORS = (ClusterDownError, OutOfMemoryError, ReadOnlyError, TryAgainError)
_TRANSIENT_CODES = ("BUSY", "MISCONF", "NOREPLICAS", "UNKILLABLE")
"""Errors that redis-py has no class for: a script runs too long, the append-only file cannot be written, too few
replicas are connected. MASTERDOWN is a ClusterDownError, LOADING ends the connection."""


class RedisUnavailableError(Exception):
    """Redis could not be reached, did not reply in time, or takes no writes at the moment.

    Unless it refused, it is unknown whether the command took effect.
    """


class Script:
    """A Lua script with a name for metrics. It must be idempotent: a lost reply makes the caller send it again."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class ScriptRunner(Protocol):
    """Runs scripts, on one server or on a Redis Cluster."""

    async def run(self, script: Script, keys: tuple[str, ...], *args: str | int | float) -> Any:
        """Run one; raises RedisUnavailableError or ResponseError."""

    async def close(self) -> None:
        """Close the connections."""


_Reply = asyncio.Future[Any] | None
"""None where nobody waits for the reply."""
_Pending = tuple[bytes, _Reply]


class BatchedRedis:
    """Sends batches to one server over `connections` connections.

    `connect` creates a connection object that is not connected yet. `timeout`, in seconds, limits one exchange,
    including the time to connect.
    """

    def __init__(self, connect: Callable[[], AbstractConnection], *, timeout: float, connections: int = 2) -> None:
        self._connect = connect
        self._timeout = timeout
        self._connections: list[AbstractConnection | None] = [None] * connections
        self._idle = list(range(connections))
        self._pending: list[_Pending] = []
        self._exchanges: set[asyncio.Task[None]] = set()
        self._scheduled = False
        self._closed = False

    async def run(self, script: Script, keys: tuple[str, ...], *args: str | int | float) -> Any:
        """Run a script; its keys must be in one hash slot.

        Raises:
            RedisUnavailableError: no reply, or a transient refusal.
            ResponseError: Redis refused it.
        """
        with measured(script.name):
            return await self.call(script, keys, *args)

    async def call(self, script: Script, keys: tuple[str, ...], *args: str | int | float, asking: bool = False) -> Any:
        """As `run`, but unmeasured; `asking` is for keys of a slot that is being migrated to this server."""
        try:
            return await self._send("EVALSHA", script.sha, len(keys), *keys, *args, asking=asking)
        except NoScriptError:
            # The script cache is empty after a restart or a failover.
            return await self._send("EVAL", script.text, len(keys), *keys, *args, asking=asking)

    async def close(self) -> None:
        """Wait for exchanges in flight and close the connections; further commands raise RedisUnavailableError."""
        self._closed = True
        self._start_exchange()
        while self._exchanges:
            await asyncio.wait(self._exchanges)
        for index in range(len(self._connections)):
            await self._discard(index)

    def _send(self, *command: str | int | float, asking: bool = False) -> asyncio.Future[Any]:
        if self._closed:
            raise RedisUnavailableError("Redis: closed")
        # hiredis packs in C; redis-py's packing costs as much as the rest of the call.
        packed = pack_command(command)  # type: ignore[arg-type]  # its stub means a tuple of any length
        reply: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if asking:
            # ASKING applies to the next command of the same connection.
            self._pending.append((pack_command(("ASKING",)), None))
        self._pending.append((packed, reply))
        self._schedule()
        return reply

    def _schedule(self) -> None:
        if self._pending and self._idle and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._start_exchange)

    def _start_exchange(self) -> None:
        self._scheduled = False
        if self._pending and self._idle:
            index = self._idle.pop()
            task = asyncio.get_running_loop().create_task(self._drain(index))
            self._exchanges.add(task)
            task.add_done_callback(lambda ended: self._ended(index, ended))

    def _ended(self, index: int, task: asyncio.Task[None]) -> None:
        self._exchanges.discard(task)
        self._idle.append(index)
        # A cancelled exchange leaves commands queued meanwhile to the next one.
        self._schedule()

    async def _drain(self, index: int) -> None:
        while self._pending:
            batch, self._pending = self._pending, []
            await self._exchange(index, batch)

    async def _exchange(self, index: int, batch: list[_Pending]) -> None:
        """Send a batch and pass each caller its reply.

        The connection is kept only if all replies were read; otherwise the next caller would read another's reply.
        """
        keep = False
        try:
            async with asyncio.timeout(self._timeout):
                keep = await self._send_and_read(index, batch)
        except Exception as error:
            if not isinstance(error, RedisError | OSError):
                log.exception("redis_exchange_failed", commands=len(batch))
            for _, reply in batch:
                if reply is not None and not reply.done():
                    reply.set_exception(RedisUnavailableError(f"Redis: {type(error).__name__}"))
        except BaseException:
            for _, reply in batch:
                if reply is not None:
                    reply.cancel()
            raise
        finally:
            if not keep:
                await self._discard(index)

    async def _send_and_read(self, index: int, batch: list[_Pending]) -> bool:
        """Return whether the connection can be used again; every reply has been read."""
        connection = self._connections[index]
        if connection is None:
            connection = self._connections[index] = self._connect()
        await connection.connect()  # type: ignore[no-untyped-call]  # it has no annotations
        await connection.send_packed_command([command for command, _ in batch], check_health=False)
        demoted = False
        for _, reply in batch:
            demoted |= await _read(connection, reply)
        # The server has become a replica; a new connection may reach the master.
        return not demoted

    async def _discard(self, index: int) -> None:
        connection, self._connections[index] = self._connections[index], None
        if connection is not None:
            await _disconnect(connection)


async def _read(connection: AbstractConnection, reply: _Reply) -> bool:
    """Pass one reply on; return whether the server said that it is a replica."""
    try:
        value = await connection.read_response()
    except ResponseError as refusal:
        if reply is not None and not reply.done():
            reply.set_exception(_as_transient(refusal) or refusal)
        return isinstance(refusal, ReadOnlyError)
    if reply is not None and not reply.done():
        reply.set_result(value)
    return False


def _as_transient(refusal: ResponseError) -> RedisUnavailableError | None:
    if isinstance(refusal, _TRANSIENT_ERRORS) or str(refusal).startswith(_TRANSIENT_CODES):
        return RedisUnavailableError(f"Redis: {type(refusal).__name__}")
    return None


async def _disconnect(connection: AbstractConnection) -> None:
    try:
        await connection.disconnect(nowait=True)
    except (RedisError, OSError):
        # The connection was broken already and is replaced.
        return
    except Exception:
        log.exception("redis_connection_not_closed")
