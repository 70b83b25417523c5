"""Cancelling tasks."""

import asyncio

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
