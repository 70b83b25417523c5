"""Connections to Redis: a bounded pool for most commands, and two batching connections per server for scripts."""

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

_DURABLE_CONFIG = {"appendonly": "yes", "maxmemory-policy": "noeviction"}


class RedisConnections:
    """Both kinds of connections, to one server, to the master that sentinels name, or to a Redis Cluster.

    Nothing is opened before its first use.
    """

    client: Redis
    """Each command may only touch keys of one slot. A Redis Cluster's client has the same commands but another type."""
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
            self.batched = BatchedRedis(
                lambda: _connection_without_timeout(pool), timeout=settings.redis_timeout_seconds
            )
            metrics.REDIS_CONNECTION_POOL_AVAILABLE.set_function(lambda: _available(pool))
        metrics.REDIS_CONNECTION_POOL_SIZE.set(settings.redis_max_connections)

    async def ping(self) -> bool:
        """Whether Redis replies; of a Redis Cluster, any of its masters."""
        try:
            if self._cluster is not None:
                await self._cluster.ping(target_nodes=ClusterClient.RANDOM)
            else:
                await self.client.ping()
        except (RedisError, OSError):
            return False
        return True

    async def warn_about_lossy_configuration(self) -> None:
        """Warn where the servers' configuration may lose acknowledged writes (docs/decisions/0006).

        Managed services often forbid CONFIG GET; that is logged and not an error.
        """
        for name, value in _DURABLE_CONFIG.items():
            try:
                found = await self._configured(name)
            except ResponseError:
                log.info("redis_configuration_hidden", setting=name)
                continue
            for other in sorted(found - {value}):
                log.warning("redis_configuration_loses_state", setting=name, found=other, wanted=value)

    async def info(self, section: str) -> list[dict[str, Any]]:
        """A section of INFO, of each master. Raises RedisError."""
        if self._cluster is None:
            return [await self.client.info(section)]
        found: Any = await self._cluster.info(section, target_nodes=ClusterClient.PRIMARIES)
        # redis-py returns one master's reply as it is, those of several by node.
        return list(found.values()) if all(isinstance(reply, dict) for reply in found.values()) else [found]

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
        # redis-py returns one master's reply as it is, those of several by node.
        replies = [found] if name in found else found.values()
        return {str(reply.get(name)) for reply in replies}


def _connection_without_timeout(pool: ConnectionPool) -> AbstractConnection:
    connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]  # it has no annotations
    # BatchedRedis bounds the whole exchange: one timer per batch instead of one per reply.
    connection.socket_timeout = None
    return connection


def _available(pool: ConnectionPool) -> float:
    counts = {attributes["db.client.connection.state"]: count for count, attributes in pool.get_connection_count()}
    return float(pool.max_connections - counts["used"])


def _timeouts(seconds: float) -> dict[str, Any]:
    return {"socket_timeout": seconds, "socket_connect_timeout": seconds}


def _pool(url: RedisUrl, settings: Settings) -> ConnectionPool:
    options: dict[str, Any] = {
        **_credentials(settings),
        "max_connections": settings.redis_max_connections,
        "timeout": settings.redis_timeout_seconds,
        **_timeouts(settings.redis_timeout_seconds),
        # One retry, for a connection that the server has closed while idle. redis-py's default of ten retries with
        # back-off would keep a user waiting for many seconds while Redis is down.
        "retry": Retry(NoBackoff(), 1),
    }
    if url.topology is Topology.SERVER:
        return BlockingConnectionPool.from_url(url.plain, **options)
    # A share of the timeout for each sentinel, plus one for the master: the first sentinel may have died with it.
    each = settings.redis_timeout_seconds / (len(url.hosts) + 1)
    sentinel_options = {**_timeouts(each), "retry": Retry(NoBackoff(), 0), **url.sentinel_options}
    manager = Sentinel(url.hosts, sentinel_kwargs=sentinel_options)  # type: ignore[no-untyped-call]  # it has no annotations
    return _BlockingSentinelPool(url.service, manager, **{**options, **_options(url)})  # type: ignore[no-untyped-call]  # it has no annotations


class _BlockingSentinelPool(SentinelConnectionPool, BlockingConnectionPool):
    """Connections to the master; callers wait for a free one, as with one server."""


def _cluster(url: RedisUrl, settings: Settings) -> ClusterClient:
    seconds = settings.redis_timeout_seconds
    return ClusterClient(
        url.hosts,
        connections=settings.redis_max_connections,
        wait_seconds=seconds,
        **_timeouts(seconds),
        **{**_credentials(settings), **_options(url)},
    )


def _credentials(settings: Settings) -> dict[str, Any]:
    """The password of `REDIS_PASSWORD`, always with the name of its user.

    A Redis whose default user needs no password accepts any password for a named user (`AUTH default ...`), but
    answers `AUTH ...` with an error. So clients that have the password work with both, and Redis can start to require
    it when all of them have it.
    """
    if settings.redis_password is None:
        return {}
    return {"username": "default", "password": settings.redis_password.get_secret_value()}


def _options(url: RedisUrl) -> dict[str, Any]:
    """The URL's connection options, without host and port."""
    options: dict[str, Any] = dict(parse_url(url.plain))
    for name in ("host", "port"):
        options.pop(name, None)
    if options.pop("connection_class", None) is SSLConnection:
        options["ssl"] = True
    return options
