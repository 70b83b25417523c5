"""How a task is ended."""

import asyncio

_AGAIN_SECONDS = 0.5


async def end(task: asyncio.Task[None] | None) -> None:
    """Cancel `task` and return when it has ended; raises what it failed with. None is ended already.

    Asking once is not enough: Python 3.11's `wait_for`, in which redis-py writes, loses a cancellation that arrives
    when what it waits for has just ended, and a loop would go on for ever.
    """
    if task is None:
        return
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_AGAIN_SECONDS)
    if not task.cancelled():
        task.result()
