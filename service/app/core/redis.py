"""Connections to Redis: a bounded pool for most things, a batching pair for claim and commit."""

from typing import Any

import structlog
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.connection import AbstractConnection, Connection, parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from app.core import metrics
from app.core.redis_batch import BatchedRedis
from app.core.settings import Settings

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class RedisConnections:
    """Both kinds of connections. Nothing is opened before it is needed."""

    def __init__(self, settings: Settings) -> None:
        self._pool = BlockingConnectionPool.from_url(
            settings.redis_url,
            max_connections=settings.redis_max_connections,
            timeout=settings.redis_timeout_seconds,
            socket_timeout=settings.redis_timeout_seconds,
            socket_connect_timeout=settings.redis_timeout_seconds,
            retry=_retry(),
        )
        self.client: Redis = Redis(connection_pool=self._pool)
        self.batched = BatchedRedis(lambda: _connection(settings), timeout=settings.redis_timeout_seconds)
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

    def _available(self) -> float:
        return float(self._pool.max_connections - len(self._pool._in_use_connections))  # noqa: SLF001 - no public way


def _retry() -> Retry:
    # Once, for a connection that the server has closed while idle. redis-py's own ten tries would hold a user for
    # many seconds while Redis is down.
    return Retry(NoBackoff(), 1)


def _connection(settings: Settings) -> AbstractConnection:
    options: dict[str, Any] = dict(parse_url(settings.redis_url))
    # The time limit is on the whole exchange, which costs one timer instead of one an answer.
    options.update(socket_timeout=None, socket_connect_timeout=settings.redis_timeout_seconds, retry=_retry())
    kind: type[AbstractConnection] = options.pop("connection_class", Connection)
    return kind(**options)
