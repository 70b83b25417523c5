"""Probes a backend all the time, so that a replica without traffic notices as soon as one with traffic.

An HTTP request and not only a TCP connection: behind the sidecar of a service mesh, a connection always succeeds.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

import structlog

from app.core.background import count_failure
from app.core.tasks import BackgroundTask

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

# Replicas that were started together must not probe together.
_JITTER = 0.1


class HealthProbe:
    """One task for one backend. `check` makes one probe, within a time-out of its own, and records its result."""

    def __init__(
        self,
        check: Callable[[], Awaitable[None]],
        *,
        interval: float,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        self._check = check
        self._interval = interval
        self._sleep = sleep
        self._clock = clock
        self._rng = rng or random.Random()  # noqa: S311 - spreads load, protects nothing
        self._task = BackgroundTask("health-probe")

    def start(self) -> None:
        """Start to probe, after a random part of the first interval."""
        self._task.start(self._run())

    async def close(self) -> None:
        """Stop, in the middle of a probe if need be."""
        await self._task.stop()

    async def _run(self) -> None:
        await self._sleep(self._rng.uniform(0, self._interval))
        while True:
            started = self._clock()
            try:
                await self._check()
            except Exception as error:
                # A task that ends silently would leave the last verdict in place for ever.
                count_failure(error)
                log.exception("background_work_failed", work="health-probe")
            # Counted from the start of the probe: one that times out does not delay the next.
            pause = self._interval * self._rng.uniform(1 - _JITTER, 1 + _JITTER)
            await self._sleep(max(0.0, started + pause - self._clock()))
