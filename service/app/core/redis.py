"""Connections to Redis: a bounded pool for most things, a batching pair for claim and commit."""

from typing import Any
from urllib.parse import urlsplit

import structlog
from redis.asyncio import BlockingConnectionPool, ConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel, SentinelConnectionPool
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from app.core import metrics
from app.core.redis_batch import BatchedRedis
from app.core.settings import Settings

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_SENTINEL = "redis+sentinel://"
_SENTINEL_PORT = 26379


class RedisConnections:
    """Both kinds of connections, to one server or to the master that sentinels name. Nothing is opened before it is
    needed.
    """

    def __init__(self, settings: Settings) -> None:
        self._pool = _pool(settings)
        self.client: Redis = Redis(connection_pool=self._pool)
        self.batched = BatchedRedis(self._untimed_connection, timeout=settings.redis_timeout_seconds)
        metrics.REDIS_CONNECTION_POOL_SIZE.set(settings.redis_max_connections)
        metrics.REDIS_CONNECTION_POOL_AVAILABLE.set_function(self._available)

    async def ping(self) -> bool:
        """Whether Redis answers."""
        try:
            await self.client.ping()
        except (RedisError, OSError):
            return False
        return True

    async def warn_of_lossy_configuration(self) -> None:
        """Say what in the server's configuration may lose acknowledged state; a server that hides it is not asked."""
        wanted = {"appendonly": "yes", "maxmemory-policy": "noeviction"}
        for name, value in wanted.items():
            try:
                found = (await self.client.config_get(name)).get(name)
            except ResponseError:
                log.info("redis_configuration_hidden", setting=name)
                continue
            if found != value:
                log.warning("redis_configuration_loses_state", setting=name, found=found, wanted=value)

    async def close(self) -> None:
        """Close every connection."""
        await self.batched.close()
        await self.client.aclose()
        await self._pool.disconnect()

    def _untimed_connection(self) -> AbstractConnection:
        connection: AbstractConnection = self._pool.make_connection()  # type: ignore[no-untyped-call]  # it has no annotations
        # The time limit is on the whole exchange, which costs one timer instead of one an answer.
        connection.socket_timeout = None
        return connection

    def _available(self) -> float:
        return float(self._pool.max_connections - len(self._pool._in_use_connections))  # noqa: SLF001 - no public way


def _pool(settings: Settings) -> ConnectionPool:
    options: dict[str, Any] = {
        "max_connections": settings.redis_max_connections,
        "socket_timeout": settings.redis_timeout_seconds,
        "socket_connect_timeout": settings.redis_timeout_seconds,
        # Once, for a connection that the server has closed while idle. redis-py's own ten tries would hold a user for
        # many seconds while Redis is down.
        "retry": Retry(NoBackoff(), 1),
    }
    if settings.redis_url.startswith(_SENTINEL):
        return _sentinel_pool(settings.redis_url, options)
    return BlockingConnectionPool.from_url(settings.redis_url, timeout=settings.redis_timeout_seconds, **options)


def _sentinel_pool(url: str, options: dict[str, Any]) -> SentinelConnectionPool:
    """A pool of connections to the master; `redis+sentinel://[user:password@]host:port,host:port/name[/db]`."""
    parts = urlsplit(url)
    credentials, _, hosts = parts.netloc.rpartition("@")
    username, _, password = credentials.partition(":")
    name, _, database = parts.path.strip("/").partition("/")
    sentinels = []
    for host in hosts.split(","):
        address, _, port = host.partition(":")
        sentinels.append((address, int(port or _SENTINEL_PORT)))
    timeouts = {key: options[key] for key in ("socket_timeout", "socket_connect_timeout")}
    manager = Sentinel(sentinels, sentinel_kwargs=timeouts)  # type: ignore[no-untyped-call]  # it has no annotations
    return SentinelConnectionPool(  # type: ignore[no-untyped-call]  # it has no annotations
        name, manager, db=int(database or 0), username=username or None, password=password or None, **options
    )
