"""Connections to Redis: a bounded pool for most things, a batching pair a server for claim and commit."""

from typing import Any, cast

import structlog
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, SSLConnection, parse_url
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from app.core import metrics
from app.core.redis_batch import BatchedRedis, ScriptRunner
from app.core.redis_cluster import BatchedCluster, ClusterClient
from app.core.redis_url import RedisUrl, Topology, parse_redis_url
from app.core.settings import Settings

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_WANTED = {"appendonly": "yes", "maxmemory-policy": "noeviction"}


class RedisConnections:
    """Both kinds of connections, to one server, to the master that sentinels name, or to the nodes of a cluster.
    Nothing is opened before it is needed.
    """

    client: Redis
    """For one key, or keys of one slot, a command: a cluster's client has the same commands, but no common type."""
    batched: ScriptRunner

    def __init__(self, settings: Settings) -> None:
        url = parse_redis_url(settings.redis_url)
        self._cluster: ClusterClient | None = None
        self._pool: ConnectionPool | None = None
        if url.topology is Topology.CLUSTER:
            self._cluster = cluster = _cluster(url, settings)
            self.client = cast("Redis", cluster)
            self.batched = BatchedCluster(cluster, timeout=settings.redis_timeout_seconds)
            metrics.REDIS_CONNECTION_POOL_AVAILABLE.set_function(lambda: float(cluster.available))
        else:
            self._pool = pool = _pool(url, settings)
            self.client = Redis(connection_pool=pool)
            self.batched = BatchedRedis(lambda: _untimed_connection(pool), timeout=settings.redis_timeout_seconds)
            metrics.REDIS_CONNECTION_POOL_AVAILABLE.set_function(lambda: _available(pool))
        metrics.REDIS_CONNECTION_POOL_SIZE.set(settings.redis_max_connections)

    async def ping(self) -> bool:
        """Whether Redis answers; of a cluster, any of its masters."""
        try:
            if self._cluster is not None:
                await self._cluster.ping(target_nodes=ClusterClient.RANDOM)
            else:
                await self.client.ping()
        except (RedisError, OSError):
            return False
        return True

    async def warn_of_lossy_configuration(self) -> None:
        """Say what in the servers' configuration may lose acknowledged state; a server that hides it is not asked."""
        for name, value in _WANTED.items():
            try:
                found = await self._configured(name)
            except ResponseError:
                log.info("redis_configuration_hidden", setting=name)
                continue
            for other in sorted(found - {value}):
                log.warning("redis_configuration_loses_state", setting=name, found=other, wanted=value)

    async def close(self) -> None:
        """Close every connection."""
        await self.batched.close()
        await self.client.aclose()
        if self._pool is not None:
            await self._pool.disconnect()

    async def _configured(self, name: str) -> set[str]:
        if self._cluster is None:
            return {str((await self.client.config_get(name)).get(name))}
        found: Any = await self._cluster.config_get(name, target_nodes=ClusterClient.PRIMARIES)
        # One master's answer comes as it is, those of more by node.
        answers = [found] if name in found else found.values()
        return {str(answer.get(name)) for answer in answers}


def _untimed_connection(pool: ConnectionPool) -> AbstractConnection:
    connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]  # it has no annotations
    # The time limit is on the whole exchange, which costs one timer instead of one an answer.
    connection.socket_timeout = None
    return connection


def _available(pool: ConnectionPool) -> float:
    return float(pool.max_connections - len(pool._in_use_connections))  # noqa: SLF001 - no public way


def _timeouts(seconds: float) -> dict[str, Any]:
    return {"socket_timeout": seconds, "socket_connect_timeout": seconds}


def _pool(url: RedisUrl, settings: Settings) -> ConnectionPool:
    options: dict[str, Any] = {
        "max_connections": settings.redis_max_connections,
        "timeout": settings.redis_timeout_seconds,
        **_timeouts(settings.redis_timeout_seconds),
        # Once, for a connection that the server has closed while idle. redis-py's own ten tries would hold a user for
        # many seconds while Redis is down.
        "retry": Retry(NoBackoff(), 1),
    }
    if url.topology is Topology.SERVER:
        return BlockingConnectionPool.from_url(url.plain, **options)
    # All sentinels can be asked within one time limit: the first may be on the machine that died with the master.
    each = settings.redis_timeout_seconds / (len(url.hosts) + 1)
    sentinel_options = {**_timeouts(each), "retry": Retry(NoBackoff(), 0), **url.sentinel_options}
    manager = Sentinel(url.hosts, sentinel_kwargs=sentinel_options)  # type: ignore[no-untyped-call]  # it has no annotations
    return _BlockingSentinelPool(url.service, manager, **_options(url), **options)  # type: ignore[no-untyped-call]  # it has no annotations


class _BlockingSentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Connections to the master; who finds none free waits, as with one server."""


def _cluster(url: RedisUrl, settings: Settings) -> ClusterClient:
    seconds = settings.redis_timeout_seconds
    return ClusterClient(
        url.hosts,
        connections=settings.redis_max_connections,
        wait_seconds=seconds,
        **_timeouts(seconds),
        **_options(url),
    )


def _options(url: RedisUrl) -> dict[str, Any]:
    """What the URL says of a connection besides its address."""
    options: dict[str, Any] = dict(parse_url(url.plain))
    for name in ("host", "port"):
        options.pop(name, None)
    if options.pop("connection_class", None) is SSLConnection:
        options["ssl"] = True
    return options
