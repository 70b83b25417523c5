"""Work that repeats in the background for the life of the process."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from redis.exceptions import RedisError

from app.core import metrics
from app.core.redis_batch import RedisUnavailableError
from app.core.tasks import BackgroundTask

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


def count_failure(error: Exception) -> None:
    """Count an unexpected failure of background work."""
    metrics.ERRORS_TOTAL.labels("background", "error").inc()
    metrics.EXCEPTIONS_TOTAL.labels(type(error).__name__).inc()


class Periodic:
    """A task that awaits `work` and then waits `seconds`, until stopped.

    A failure is counted and logged, and does not end the task: gauges and leases would silently go stale.
    """

    def __init__(self, name: str, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        self._name = name
        self._work = work
        self._seconds = seconds
        self._task = BackgroundTask(name)

    def start(self) -> None:
        """Start; the first run is immediate."""
        self._task.start(self._run())

    async def stop(self) -> None:
        """Cancel, during a run if need be, and wait for the end."""
        await self._task.stop()

    async def once(self) -> None:
        """Run once; a failure is counted and logged, not raised."""
        try:
            await self._work()
        except (RedisError, RedisUnavailableError, OSError) as error:
            log.warning("background_work_failed", work=self._name, reason=type(error).__name__)
        except Exception as error:
            count_failure(error)
            log.exception("background_work_failed", work=self._name)

    async def _run(self) -> None:
        while True:
            await self.once()
            await asyncio.sleep(self._seconds)
