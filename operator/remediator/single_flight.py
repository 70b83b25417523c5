"""One reading for everyone who asks at once: what keeps a storm from asking the same thing a hundred times."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SingleFlight(Generic[T]):
    """Runs ``read`` for all who ask before it starts; one at a time, in the order of asking.

    Nobody is given a reading that started before they asked, so an answer is never older than the request.
    """

    def __init__(self, read: Callable[[], Awaitable[T]]) -> None:
        self._read = read
        self._running: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """Return what is read from now on; raises whatever ``read`` raises."""
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running), name="shared reading")
        # Who gives up must not take the reading from the others.
        return await asyncio.shield(self._next)

    async def _after(self, earlier: "asyncio.Task[T] | None") -> T:
        if earlier is not None:
            await asyncio.wait([earlier])
        self._running, self._next = self._next, None
        return await self._read()
