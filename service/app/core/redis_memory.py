"""Tells of Redis' memory: how much is used, whether keys may be evicted, and that its data was lost."""

import math
import secrets

import structlog
from redis.exceptions import RedisError

from app.core import metrics
from app.core.redis import RedisConnections
from app.core.redis_metrics import measured

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_LOST = (
    "dialogues, chat locks, ids of handled updates (an update that is redelivered now is handled again), cached "
    "identities, deferred messages, running broadcasts, dead letters and the list of users who blocked the bot"
)


class RedisMemory:
    """Sets the gauges of Redis' memory and notices when its data is gone.

    Notices it by `key`, which holds a random value for as long as the data exists: a restart without the data, a
    FLUSHALL, or a failover to an empty replica removes or replaces it.
    """

    def __init__(self, connections: RedisConnections, key: str) -> None:
        self._connections = connections
        self._key = key
        self._seen: str | None = None

    async def look(self) -> None:
        """Read the memory, then the key. Raises RedisError; the gauges are then unknown (NaN)."""
        try:
            with measured("gauges"):
                masters = await self._connections.info("memory")
        except (RedisError, OSError):
            for family in _GAUGES:
                family.set(math.nan)
            raise
        # Of a Redis Cluster the fullest master: writes to its keys fail first. Without a limit none is full.
        fullest = max(masters, key=lambda found: found["used_memory"] / (found["maxmemory"] or math.inf))
        metrics.REDIS_MEMORY_USED_BYTES.set(fullest["used_memory"])
        metrics.REDIS_MEMORY_MAX_BYTES.set(fullest["maxmemory"])
        metrics.REDIS_EVICTS_KEYS.set(any(found["maxmemory_policy"] != "noeviction" for found in masters))
        with measured("gauges"):
            await self._notice_loss()

    async def _notice_loss(self) -> None:
        client = self._connections.client
        found = await client.get(self._key)
        if found is None:
            new = secrets.token_hex(8)
            is_first = await client.set(self._key, new, nx=True)
            if self._seen is None and is_first:
                log.info("redis_has_no_data", meaning="a first start, or the data was lost while no gateway ran")
            found = new if is_first else await client.get(self._key)
        value = found.decode() if isinstance(found, bytes) else found
        if self._seen is not None and value != self._seen:
            log.error("redis_data_lost", lost=_LOST)
        self._seen = value


_GAUGES = (metrics.REDIS_MEMORY_USED_BYTES, metrics.REDIS_MEMORY_MAX_BYTES, metrics.REDIS_EVICTS_KEYS)
