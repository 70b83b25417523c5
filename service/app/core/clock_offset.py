"""Measures how far this replica's clock is from Redis'."""

import time
from collections.abc import Callable

from app.core import metrics
from app.core.redis_batch import RedisUnavailableError, Script, ScriptRunner

_TIME = Script("gauges", "return redis.call('TIME')")


class ClockOffset:
    """Sets the gauge of the offset. `key` selects the server of a Redis Cluster; it is neither read nor written."""

    def __init__(self, redis: ScriptRunner, key: str, *, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._key = key
        self._clock = clock

    async def measure(self) -> None:
        """Compare with the middle of the call, so the error is at most half a round trip.

        Raises:
            RedisUnavailableError: the gauge is then unknown (NaN).
        """
        sent = self._clock()
        try:
            seconds, microseconds = await self._redis.run(_TIME, (self._key,))
        except RedisUnavailableError:
            metrics.CLOCK_OFFSET_SECONDS.set(float("nan"))
            raise
        middle = (sent + self._clock()) / 2
        metrics.CLOCK_OFFSET_SECONDS.set(middle - int(seconds) - int(microseconds) / 1e6)
