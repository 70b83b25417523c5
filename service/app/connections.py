"""Limits the connections of a port: how many are open, and how long each may take to send a request.

aiohttp has one timer for both an idle connection and one that sends its first head byte by byte, an hour by default.
"""

import asyncio
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from app.core.tasks import cancel_and_wait

HEAD_SECONDS = 10.0
"""Longest time from connecting to a complete head. A connection that takes longer is a port scan or an attack."""

IDLE_SECONDS = 620.0
"""Longest time between two requests. Load balancers keep theirs for up to 600 s; if this side closed first, a request
could be on its way into a connection that is just being closed."""

_SWEEP_SECONDS = 1.0
_ACCEPTING_SECONDS = 1.0
"""A protocol is made some turns of the event loop before it is connected; one that is not by then never will be."""


class ConnectionLimits:
    """Counts and closes the connections of one aiohttp server. `clock` returns monotonic seconds.

    `middleware` tells it of requests, `accept` makes the protocol of each new connection.
    """

    def __init__(
        self,
        most: int,
        clock: Callable[[], float],
        *,
        head_seconds: float = HEAD_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
    ) -> None:
        self._most = most
        self._clock = clock
        self._head_seconds = head_seconds
        self._idle_seconds = idle_seconds
        # Each in the order of its times, oldest first: since connecting, and since the last request.
        self._silent: dict[web.RequestHandler, float] = {}
        self._idle: dict[web.RequestHandler, float] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def middleware(self) -> Middleware:
        """Marks a connection busy while a request is handled."""

        @web.middleware
        async def mark_busy(request: web.Request, handler: Handler) -> web.StreamResponse:
            connection = request.protocol
            self._silent.pop(connection, None)
            self._idle.pop(connection, None)
            try:
                response = await handler(request)
            except web.HTTPException as error:
                error.force_close()
                raise
            finally:
                self._idle[connection] = self._clock()
            if isinstance(response, web.Response):
                # Only the webhook proves who posts, and says itself whether its connection is kept.
                response.force_close()
            return response

        return mark_busy

    def start(self, server: web.Server) -> None:
        self._task = asyncio.create_task(self._run(server), name="connection-limits")

    async def stop(self) -> None:
        await cancel_and_wait(self._task)
        self._task = None

    def accept(self, server: web.Server) -> asyncio.BaseProtocol:
        """Make the protocol of a new connection. At the limit the connection that has waited longest makes room."""
        if len(server.connections) >= self._most and not self._close_oldest():
            # Every connection has a request in flight.
            return _Refusal()
        connection = server()
        self._silent[connection] = self._clock()
        return connection

    def sweep(self, server: web.Server) -> None:
        """Close the connections that have been silent or idle for too long, and forget those that are closed."""
        now, connected = self._clock(), set(server.connections)
        for waiting, longest in ((self._silent, self._head_seconds), (self._idle, self._idle_seconds)):
            for connection, since in list(waiting.items()):
                if now - since > longest:
                    del waiting[connection]
                    connection.force_close()
                elif connection not in connected and now - since > _ACCEPTING_SECONDS:
                    del waiting[connection]

    def _close_oldest(self) -> bool:
        # Who has never sent a request goes first: Telegram's connections have.
        for waiting in (self._silent, self._idle):
            # Those without a transport are closed, or still being accepted; `sweep` knows which.
            connection = next((connection for connection in waiting if connection.transport is not None), None)
            if connection is not None:
                del waiting[connection]
                connection.force_close()
                return True
        return False

    async def _run(self, server: web.Server) -> None:
        while True:
            await asyncio.sleep(_SWEEP_SECONDS)
            self.sweep(server)


class _Refusal(asyncio.Protocol):
    """Closes a connection at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()
