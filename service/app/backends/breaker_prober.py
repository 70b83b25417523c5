"""Makes the trial calls of an open breaker while no user does.

Without it a breaker that opened in the evening would stay open all night, and its alert would keep firing.
"""

import asyncio
from collections.abc import Awaitable, Callable

from app.backends.breaker import BreakerOpenError, BreakerState, CircuitBreaker
from app.core.tasks import BackgroundTask


class BreakerProber:
    """One task for one breaker. `check` returns whether the backend is healthy, within a time-out of its own."""

    def __init__(
        self,
        breaker: CircuitBreaker,
        check: Callable[[], Awaitable[bool]],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._breaker = breaker
        self._check = check
        self._sleep = sleep
        self._opened = asyncio.Event()
        self._task = BackgroundTask("breaker-prober")

    def start(self) -> None:
        """Start the task that waits for the breaker to open."""
        self._task.start(self._run())

    async def close(self) -> None:
        await self._task.stop()

    def wake(self) -> None:
        """Tell the task that the breaker has opened."""
        self._opened.set()

    async def _run(self) -> None:
        while True:
            await self._opened.wait()
            self._opened.clear()
            while self._breaker.state is not BreakerState.CLOSED:
                await self._sleep(self._breaker.seconds_until_probe())
                await self._probe()

    async def _probe(self) -> None:
        try:
            permit = self._breaker.acquire()
        except BreakerOpenError:
            # A user's call is the trial call right now. One second lets most calls finish before the next look.
            await self._sleep(1.0)
            return
        try:
            healthy = await self._check()
        except BaseException:
            permit.cancel()
            raise
        if healthy:
            permit.succeed()
        else:
            permit.fail()
