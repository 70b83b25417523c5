"""How a task is ended."""

import asyncio

_AGAIN_SECONDS = 0.5


async def end(task: asyncio.Task[None] | None) -> None:
    """Cancel `task` and return when it has ended; raises what it failed with. None is ended already.

    Asking once is not enough: a cancellation that arrives just as a time limit inside the task runs out is taken for
    the limit, and a loop that goes on after a timeout would then never end.
    """
    if task is None:
        return
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_AGAIN_SECONDS)
    if not task.cancelled():
        task.result()
