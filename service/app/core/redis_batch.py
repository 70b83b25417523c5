"""Commands of concurrent tasks, sent together over a pair of connections.

A pool gives each task a connection and a write of its own. Here all commands of one turn of the event loop go out in
one write, which halves the cost of an update's two calls. Connections stay redis-py's, with its authentication, TLS and
errors. While one connection waits for its answers, the other takes what has come up since.
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

_NOT_NOW = (ClusterDownError, OutOfMemoryError, ReadOnlyError, TryAgainError)
_NOT_NOW_CODES = ("MISCONF", "NOREPLICAS")
"""Refusals that redis-py has no class for: the append-only file cannot be written, too few replicas follow."""


class RedisUnavailableError(Exception):
    """Redis could not be reached, did not answer in time, or takes no writes at the moment. Unless it refused, whether
    the command took effect is not known.
    """


class Script:
    """A Lua script with a name for metrics. It must be safe to send twice."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.sha = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


class ScriptRunner(Protocol):
    """Runs scripts, on one server or on a cluster."""

    async def run(self, script: Script, keys: tuple[str, ...], *args: str | int | float) -> Any:
        """Run one; raises RedisUnavailableError or ResponseError."""

    async def close(self) -> None:
        """Close the connections."""


_Answer = asyncio.Future[Any] | None
"""None is for a command whose answer nobody waits for."""
_Pending = tuple[bytes, _Answer]


class BatchedRedis:
    """`connect` makes an unconnected connection; `timeout` in seconds bounds one exchange, connecting included."""

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
        """Run a script; its keys must lie in one hash slot.

        Raises:
            RedisUnavailableError: no answer, or not now.
            ResponseError: Redis refused it.
        """
        with measured(script.name):
            return await self.call(script, keys, *args)

    async def call(self, script: Script, keys: tuple[str, ...], *args: str | int | float, asking: bool = False) -> Any:
        """As `run`, but unmeasured; `asking` is for keys of a slot that this server is just being given."""
        try:
            return await self._send("EVALSHA", script.sha, len(keys), *keys, *args, asking=asking)
        except NoScriptError:
            # A server that has been restarted, or a replica that has become the master.
            return await self._send("EVAL", script.text, len(keys), *keys, *args, asking=asking)

    async def close(self) -> None:
        """Wait for what is under way and close the connections; further commands are refused as unavailable."""
        self._closed = True
        self._begin()
        while self._exchanges:
            await asyncio.wait(self._exchanges)
        for index in range(len(self._connections)):
            await self._discard(index)

    def _send(self, *command: str | int | float, asking: bool = False) -> asyncio.Future[Any]:
        if self._closed:
            raise RedisUnavailableError("Redis: closed")
        # In C: redis-py's own packing costs as much as the rest of the call.
        packed = pack_command(command)  # type: ignore[arg-type]  # its stub means a tuple of any length
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        if asking:
            # It holds for the next command of the same connection.
            self._pending.append((pack_command(("ASKING",)), None))
        self._pending.append((packed, answer))
        self._schedule()
        return answer

    def _schedule(self) -> None:
        if self._pending and self._idle and not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._begin)

    def _begin(self) -> None:
        self._scheduled = False
        if self._pending and self._idle:
            index = self._idle.pop()
            task = asyncio.get_running_loop().create_task(self._drain(index))
            self._exchanges.add(task)
            task.add_done_callback(lambda ended: self._ended(index, ended))

    def _ended(self, index: int, task: asyncio.Task[None]) -> None:
        self._exchanges.discard(task)
        self._idle.append(index)
        # One that was cancelled leaves what has come up since to the next.
        self._schedule()

    async def _drain(self, index: int) -> None:
        while self._pending:
            batch, self._pending = self._pending, []
            await self._exchange(index, batch)

    async def _exchange(self, index: int, batch: list[_Pending]) -> None:
        """Send a batch and give each caller the answer. The connection is kept only when all answers were read: on one
        with a rest, the next caller would get another's answer.
        """
        keep = False
        try:
            async with asyncio.timeout(self._timeout):
                keep = await self._converse(index, batch)
        except Exception as error:
            if not isinstance(error, RedisError | OSError):
                log.exception("redis_exchange_failed", commands=len(batch))
            for _, answer in batch:
                if answer is not None and not answer.done():
                    answer.set_exception(RedisUnavailableError(f"Redis: {type(error).__name__}"))
        except BaseException:
            for _, answer in batch:
                if answer is not None:
                    answer.cancel()
            raise
        finally:
            if not keep:
                await self._discard(index)

    async def _converse(self, index: int, batch: list[_Pending]) -> bool:
        """Whether the connection can be used again, once every answer has been read."""
        connection = self._connections[index]
        if connection is None:
            connection = self._connections[index] = self._connect()
        await connection.connect()  # type: ignore[no-untyped-call]  # it has no annotations
        await connection.send_packed_command([command for command, _ in batch], check_health=False)
        demoted = False
        for _, answer in batch:
            demoted |= await _read(connection, answer)
        # It has become a replica; a new connection may be led to the master.
        return not demoted

    async def _discard(self, index: int) -> None:
        connection, self._connections[index] = self._connections[index], None
        if connection is not None:
            await _disconnect(connection)


async def _read(connection: AbstractConnection, answer: _Answer) -> bool:
    """Pass one answer on; whether the server said that it is a replica."""
    try:
        value = await connection.read_response()
    except ResponseError as refusal:
        if answer is not None and not answer.done():
            answer.set_exception(_as_unavailable(refusal) or refusal)
        return isinstance(refusal, ReadOnlyError)
    if answer is not None and not answer.done():
        answer.set_result(value)
    return False


def _as_unavailable(refusal: ResponseError) -> RedisUnavailableError | None:
    if isinstance(refusal, _NOT_NOW) or str(refusal).startswith(_NOT_NOW_CODES):
        return RedisUnavailableError(f"Redis: {type(refusal).__name__}")
    return None


async def _disconnect(connection: AbstractConnection) -> None:
    try:
        await connection.disconnect(nowait=True)
    except (RedisError, OSError):
        # It was broken already; a new one takes its place.
        return
    except Exception:
        log.exception("redis_connection_not_closed")
