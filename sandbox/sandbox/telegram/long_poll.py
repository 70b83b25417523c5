"""Conflicts of getUpdates: at most one call waits, and none while a webhook is set.

Sources: ``Client::process_get_updates_query``, ``Client::abort_long_poll`` and ``Client::fail_query_conflict`` of the
Bot API server.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, NoReturn

from sandbox.telegram.known_errors import known_error

CONFLICT_SECONDS = 3.0
"""A 409 within this time after another is held back for as long, so that bots in a tight loop are slowed down."""


class LongPoll:
    """The one waiting call."""

    def __init__(self, clock: Callable[[], float], sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._clock = clock
        self._sleep = sleep
        self._ended: asyncio.Future[str] | None = None
        self._next_conflict = 0.0

    async def wait(self, arrival: Coroutine[Any, Any, None], timeout_seconds: float) -> None:
        """Wait for an update or the timeout.

        Raises:
            BotApiError: 409, another getUpdates or setWebhook ended this call.
        """
        self.abort("conflict_poller")
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._ended = ended
        waiting = asyncio.create_task(arrival)
        both: set[asyncio.Future[Any]] = {waiting, ended}
        try:
            await asyncio.wait(both, timeout=timeout_seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
            if self._ended is ended:
                self._ended = None
        if ended.done():
            await self.conflict(ended.result())

    def abort(self, error: str) -> None:
        """End the waiting call with a known error."""
        if self._ended is not None and not self._ended.done():
            self._ended.set_result(error)

    async def conflict(self, error: str) -> NoReturn:
        """Respond with a 409, after a delay if there was one just before."""
        now = self._clock()
        if now < self._next_conflict:
            await self._sleep(CONFLICT_SECONDS)
        else:
            self._next_conflict = now + CONFLICT_SECONDS
        raise known_error(error)
