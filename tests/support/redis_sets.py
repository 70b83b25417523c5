"""Several Redis servers that stand in for one another: a Cluster, and a master with replicas and Sentinels.

Real servers of the same binary as the sandbox's single one. `fail_over` kills the master that a key lies on (SIGKILL)
and returns when another has taken its place; the killed one comes back as a replica.
"""

import asyncio
import signal
import subprocess
import tempfile
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from redis.asyncio.connection import Connection
from redis.crc import key_slot
from redis.exceptions import RedisError

from sandbox.redis_server import RedisServer, find_redis_binary, free_port

SILENT_MS = 1000
"""How long a server may be silent before the others vote on its end; 15 s and 30 s by default."""
PATIENT_MS = 600_000
READY_SECONDS = 300
SLOTS = 16384
SERVICE = "main"


class RedisSet(ABC):
    """Servers, used as `async with`; `url` is the gateway's REDIS_URL."""

    servers: list[RedisServer]
    url: str

    def __init__(self) -> None:
        self._stack = AsyncExitStack()

    @abstractmethod
    async def master_of(self, key: str) -> RedisServer:
        """The server that takes writes of a key, as the others see it. Raises RedisError, OSError."""

    @abstractmethod
    async def form(self, stack: AsyncExitStack) -> None:
        """Make one of the servers, which are up; `stack` ends what is started besides."""

    async def masters(self) -> list[RedisServer]:
        """The servers that say that they are masters."""
        return [server for server in self.servers if server.pid and await is_master(server)]

    async def fail_over(self, key: str) -> RedisServer:
        """Kill the master of a key and wait for its successor, which is returned. The killed one is started again."""
        victim = await self.master_of(key)
        await asyncio.to_thread(victim.kill)
        successor = await self.successor(key, victim)
        await asyncio.to_thread(victim.start)
        await until(lambda: follows(victim))
        return successor

    async def successor(self, key: str, victim: RedisServer) -> RedisServer:
        """Wait for another master of a key than `victim`."""
        found: list[RedisServer] = []

        async def look() -> bool:
            master = await self.master_of(key)
            if master is victim or not await is_master(master):
                return False
            found.append(master)
            return True

        await until(look)
        return found[0]

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for server in self.servers:
                await stack.enter_async_context(server)
            await self.form(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    def _at(self, port: int) -> RedisServer:
        (server,) = [server for server in self.servers if server.port == port]
        return server


class ClusterSet(RedisSet):
    """Three masters with one replica each; the slots are shared out evenly."""

    MASTERS = 3

    def __init__(self) -> None:
        super().__init__()
        self._bus_ports = [free_port() for _ in range(self.MASTERS * 2)]
        self.servers = [RedisServer(options=_cluster_options(port)) for port in self._bus_ports]

    async def master_of(self, key: str) -> RedisServer:
        slot = key_slot(key.encode())
        server = next(server for server in self.servers if server.pid)
        for first, last, (_host, port, *_), *_replicas in await ask(server.port, "CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return self._at(port)
        raise RedisError(f"no master of {key}")

    @asynccontextmanager
    async def without_failover(self) -> AsyncIterator[None]:
        """Nobody votes, however long a busy machine keeps a server silent. Begins when all agree on the masters."""
        await self._vote_after(PATIENT_MS)
        await until(self._agree)
        try:
            yield
        finally:
            await self._vote_after(SILENT_MS)

    async def _vote_after(self, milliseconds: int) -> None:
        for server in self.servers:
            await ask(server.port, "CONFIG", "SET", "cluster-node-timeout", milliseconds)

    async def _agree(self) -> bool:
        views = set()
        for server in self.servers:
            shards = await ask(server.port, "CLUSTER", "SLOTS")
            views.add(tuple(sorted((first, last, master[1]) for first, last, master, *_replicas in shards)))
        (view,) = views if len(views) == 1 else ((),)
        return {port for _first, _last, port in view} == {server.port for server in await self.masters()}

    async def form(self, stack: AsyncExitStack) -> None:
        self.url = "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in self.servers)
        masters, replicas = self.servers[: self.MASTERS], self.servers[self.MASTERS :]
        for number, server in enumerate(masters):
            first, last = SLOTS * number // self.MASTERS, SLOTS * (number + 1) // self.MASTERS - 1
            await ask(server.port, "CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            await ask(server.port, "CLUSTER", "ADDSLOTSRANGE", first, last)
        for server, bus_port in zip(self.servers, self._bus_ports, strict=True):
            await ask(masters[0].port, "CLUSTER", "MEET", "127.0.0.1", server.port, bus_port)
        await until(self._all_know_all)
        for master, replica in zip(masters, replicas, strict=True):
            await ask(replica.port, "CLUSTER", "REPLICATE", await ask(master.port, "CLUSTER", "MYID"))
        await until(self._is_whole)

    async def _all_know_all(self) -> bool:
        counts = [len((await ask(server.port, "CLUSTER", "NODES")).splitlines()) for server in self.servers]
        return set(counts) == {len(self.servers)}

    async def _is_whole(self) -> bool:
        for server in self.servers:
            if b"cluster_state:ok" not in await ask(server.port, "CLUSTER", "INFO"):
                return False
            shards = await ask(server.port, "CLUSTER", "SLOTS")
            # First and last slot, a master, a replica.
            if [len(shard) for shard in shards] != [4] * self.MASTERS:
                return False
        return all([await follows(replica) for replica in self.servers[self.MASTERS :]])


class SentinelSet(RedisSet):
    """A master with two replicas, watched by three sentinels of which two must agree.

    A master without replicas takes no writes: killed and started again before all sentinels have heard of its successor
    it would take, and then lose, those of clients that asked the wrong one.
    """

    def __init__(self) -> None:
        super().__init__()
        self.servers = [RedisServer(options=("--min-replicas-to-write", "1")) for _ in range(3)]
        self.sentinels: list[Sentinel] = []

    async def master_of(self, key: str) -> RedisServer:
        sentinel = next(sentinel for sentinel in self.sentinels if not sentinel.paused)
        _host, port = await ask(sentinel.port, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", SERVICE)
        return self._at(int(port))

    async def form(self, stack: AsyncExitStack) -> None:
        master, *replicas = self.servers
        for replica in replicas:
            await ask(replica.port, "REPLICAOF", "127.0.0.1", master.port)
        await until(lambda: _all(follows(replica) for replica in replicas))
        self.sentinels = [Sentinel(master.port) for _ in range(3)]
        for sentinel in self.sentinels:
            sentinel.start()
            stack.push_async_callback(asyncio.to_thread, sentinel.close)
        self.url = "redis+sentinel://" + ",".join(f"127.0.0.1:{it.port}" for it in self.sentinels) + f"/{SERVICE}/0"
        await until(self._sentinels_agree)

    async def _sentinels_agree(self) -> bool:
        for sentinel in self.sentinels:
            raw = await ask(sentinel.port, "SENTINEL", "MASTER", SERVICE)
            state = dict(zip(raw[::2], raw[1::2], strict=True))
            if (state[b"num-slaves"], state[b"num-other-sentinels"]) != (b"2", b"2"):
                return False
        return True


class Sentinel:
    """One sentinel process. A paused one takes connections and says nothing, as a machine that hangs."""

    def __init__(self, master_port: int) -> None:
        self.port = free_port()
        self.paused = False
        self._master_port = master_port
        self._directory = tempfile.TemporaryDirectory(prefix="sentinel-")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        configuration = Path(self._directory.name, "sentinel.conf")
        configuration.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {self._directory.name}\n"
            f"sentinel monitor {SERVICE} 127.0.0.1 {self._master_port} 2\n"
            f"sentinel down-after-milliseconds {SERVICE} {SILENT_MS}\nsentinel failover-timeout {SERVICE} 3000\n"
        )
        command = [str(find_redis_binary()), str(configuration), "--sentinel"]
        self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)

    def pause(self) -> None:
        self.paused = True
        self._signal(signal.SIGSTOP)

    def close(self) -> None:
        self._signal(signal.SIGKILL)
        if self._process is not None:
            self._process.wait()
        self._directory.cleanup()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)


def _cluster_options(bus_port: int) -> tuple[str, ...]:
    return (
        *("--cluster-enabled", "yes"),
        *("--cluster-port", str(bus_port)),
        *("--cluster-node-timeout", str(SILENT_MS)),
        *("--cluster-require-full-coverage", "no"),
    )


async def ask(port: int, *command: str | int | bytes) -> Any:
    """One command and its answer, as the server puts it. Raises RedisError, OSError."""
    connection = Connection(host="127.0.0.1", port=port, protocol=2, socket_timeout=30)
    try:
        await connection.send_command(*command)
        return await connection.read_response()
    finally:
        await connection.disconnect(nowait=True)


async def is_master(server: RedisServer) -> bool:
    """Whether it says so."""
    return b"role:master" in await ask(server.port, "INFO", "replication")


async def follows(server: RedisServer) -> bool:
    """Whether it is a replica that has all that its master has."""
    return b"master_link_status:up" in await ask(server.port, "INFO", "replication")


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until it holds; servers that do not answer yet are asked again. Raises TimeoutError."""
    async with asyncio.timeout(READY_SECONDS):
        while True:
            try:
                if await condition():
                    return
            except (RedisError, OSError):
                # They are still starting, or voting.
                pass
            await asyncio.sleep(0.05)


async def _all(conditions: Any) -> bool:
    return all([await condition for condition in conditions])
