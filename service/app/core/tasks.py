"""Background tasks: how they start and stop."""

import asyncio
from collections.abc import Coroutine
from typing import Any

_RETRY_SECONDS = 0.5


async def cancel_and_wait(task: asyncio.Task[None] | None) -> None:
    """Cancel `task` and return when it has ended; raises what it failed with. None counts as ended."""
    # Repeated because Python 3.11's `wait_for`, which redis-py uses to write, loses a cancellation that arrives just
    # when the awaited call ends (python/cpython#86296); the task would run for ever.
    if task is None:
        return
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_RETRY_SECONDS)
    if not task.cancelled():
        task.result()


class BackgroundTask:
    """A task that runs from `start` until `stop`. For work that repeats there is `app.core.background.Periodic`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._task: asyncio.Task[None] | None = None

    @property
    def started(self) -> bool:
        """Whether it was started and not stopped since."""
        return self._task is not None

    def start(self, run: Coroutine[Any, Any, None]) -> None:
        """Run a coroutine in the background."""
        self._task = asyncio.create_task(run, name=self._name)

    async def stop(self) -> None:
        """Cancel it and wait for its end; raises what it failed with. Nothing happens if it was not started."""
        task, self._task = self._task, None
        await cancel_and_wait(task)
