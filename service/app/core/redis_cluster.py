"""A Redis Cluster: a client for most commands, and batching of scripts per node.

redis-py keeps the map of slots for both. It is read again when a node does not reply or redirects, so a failover delays
only the updates of the chats on that node.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

import structlog
from redis.asyncio.cluster import ClusterNode, NodesManager, RedisCluster
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import (
    AskError,
    ConnectionError as RedisConnectionError,
    MovedError,
    RedisClusterException,
    RedisError,
)

from app.core.redis_batch import BatchedRedis, RedisUnavailableError, Script
from app.core.redis_metrics import measured

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_REDIRECTIONS = 5
_REFRESH_SECONDS = 0.1
"""Shortest time between two reads of the slot map: during a failover every batch that fails asks for one."""
_SPARE_CONNECTIONS = 2
"""On top of those for callers: the slot map is read over a connection of the same pool."""


class ClusterClient(RedisCluster):
    """redis-py's client with a pool's behaviour: callers wait for a connection, and every failure is a RedisError."""

    def __init__(
        self, seeds: Sequence[tuple[str, int]], *, connections: int, wait_seconds: float, **options: Any
    ) -> None:
        super().__init__(
            startup_nodes=[ClusterNode(*seed) for seed in seeds],
            max_connections=connections + _SPARE_CONNECTIONS,
            # Serve the chats whose node is up while another node is down.
            require_full_coverage=False,
            retry=Retry(NoBackoff(), 1),
            **options,
        )
        self._seeds = list(seeds)
        self._connections = connections
        self._wait_seconds = wait_seconds
        self._free = asyncio.Semaphore(connections)
        self._in_use = 0
        self._discovered = False

    @property
    def available(self) -> int:
        """Free connections, over all nodes."""
        return self._connections - self._in_use

    async def initialize(
        self,
        additional_startup_nodes_info: list[tuple[str, int]] | None = None,
        last_failed_node_name: str | None = None,
    ) -> "ClusterClient":
        """Discover the nodes unless done; also through the URL's hosts, in case all known addresses have changed."""
        await super().initialize(additional_startup_nodes_info or self._seeds, last_failed_node_name)
        self._discovered = True
        return self

    async def refresh_slots(self, failed_node: str | None = None) -> None:
        """Read the slot map again, from `failed_node` last. Raises RedisError."""
        try:
            if self._discovered:
                await self.nodes_manager.initialize(self._seeds, failed_node)
            else:
                await self.initialize(last_failed_node_name=failed_node)
        except RedisClusterException as error:
            raise RedisConnectionError(str(error)) from error

    async def execute_command(self, *args: Any, **kwargs: Any) -> Any:
        """Wait for a free connection and execute. Raises RedisError."""
        try:
            async with asyncio.timeout(self._wait_seconds):
                await self._free.acquire()
        except TimeoutError:
            raise RedisConnectionError("No connection available.") from None
        self._in_use += 1
        try:
            return await super().execute_command(*args, **kwargs)
        except RedisClusterException as error:
            # RedisClusterException is not a RedisError, although it means that nodes cannot be reached.
            raise RedisConnectionError(str(error)) from error
        finally:
            self._in_use -= 1
            self._free.release()


class BatchedCluster:
    """One `BatchedRedis` per node of a Redis Cluster. `timeout` in seconds bounds one exchange."""

    def __init__(self, client: ClusterClient, *, timeout: float) -> None:
        self._client = client
        self._timeout = timeout
        self._batches: dict[tuple[str, int], BatchedRedis] = {}
        self._refreshing: asyncio.Task[None] | None = None
        self._next_refresh = 0.0

    async def run(self, script: Script, keys: tuple[str, ...], *args: str | int | float) -> Any:
        """Run a script; it needs at least one key, and all of them in one hash slot.

        Raises:
            RedisUnavailableError: no reply, or the slot has no master at the moment.
            ResponseError: Redis refused it.
        """
        with measured(script.name):
            node, asking = await self._node_of(keys[0]), False
            for _ in range(_REDIRECTIONS):
                try:
                    return await self._batch(node).call(script, keys, *args, asking=asking)
                except MovedError as moved:
                    await self._nodes.move_slot(moved)
                    node, asking = (moved.host, moved.port), False
                except AskError as asked:
                    node, asking = (asked.host, asked.port), True
                except RedisUnavailableError:
                    await self._refresh("{}:{}".format(*node))
                    raise
        raise RedisUnavailableError("Redis: redirected too often")

    async def close(self) -> None:
        """Wait for exchanges in flight and close the connections."""
        if self._refreshing is not None:
            await asyncio.wait({self._refreshing})
        for batch in self._batches.values():
            await batch.close()

    @property
    def _nodes(self) -> NodesManager:
        return self._client.nodes_manager

    async def _node_of(self, key: str) -> tuple[str, int]:
        slot = key_slot(key.encode())
        owners = self._nodes.slots_cache.get(slot)
        if not owners:
            await self._refresh(None)
            owners = self._nodes.slots_cache.get(slot)
        if not owners:
            raise RedisUnavailableError("Redis: no node has the slot")
        return owners[0].host, int(owners[0].port)

    def _batch(self, node: tuple[str, int]) -> BatchedRedis:
        batch = self._batches.get(node)
        if batch is None:
            batch = self._batches[node] = BatchedRedis(lambda: self._connection(*node), timeout=self._timeout)
        return batch

    def _connection(self, host: str, port: int) -> AbstractConnection:
        options = {**self._nodes.connection_kwargs, "host": host, "port": port, "socket_timeout": None}
        for name in ("max_connections", "response_callbacks"):
            options.pop(name)
        connection_class: type[AbstractConnection] = options.pop("connection_class")
        return connection_class(**options, retry=Retry(NoBackoff(), 0))

    async def _refresh(self, failed_node: str | None) -> None:
        """Read the slot map again; concurrent callers share one read."""
        now = asyncio.get_running_loop().time()
        if self._refreshing is None or self._refreshing.done():
            if now < self._next_refresh:
                return
            self._next_refresh = now + _REFRESH_SECONDS
            self._refreshing = asyncio.create_task(self._read_slots(failed_node), name="redis-slots")
        await asyncio.wait({self._refreshing})

    async def _read_slots(self, failed_node: str | None) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await self._client.refresh_slots(failed_node)
        except (RedisError, OSError) as error:
            log.warning("redis_slots_unknown", reason=type(error).__name__)
        except Exception:
            # The callers continue with the slot map that is known.
            log.exception("redis_slots_unknown")
