"""Work that repeats in the background for the life of the process."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from redis.exceptions import RedisError

from app.core import metrics
from app.core.redis_batch import RedisUnavailableError
from app.core.tasks import end

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


def count_failure(error: Exception) -> None:
    """Count a failure of background work that nobody expected."""
    metrics.ERRORS_TOTAL.labels("background", "error").inc()
    metrics.EXCEPTIONS_TOTAL.labels(type(error).__name__).inc()


class Periodic:
    """Awaits `work` every `seconds`, counted from its end. A failure is counted and logged, and ends nothing:
    a task that dies in silence would leave gauges and leases to rot.
    """

    def __init__(self, name: str, work: Callable[[], Awaitable[None]], seconds: float) -> None:
        self._name = name
        self._work = work
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, with the first run at once."""
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """End it, in mid-run if need be."""
        await end(self._task)
        self._task = None

    async def once(self) -> None:
        """One run, whose failure is dealt with."""
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
