"""One listening port with limits on what a client may cost."""

import asyncio
import socket
import time
from functools import partial

from aiohttp import web

from app.connections import ConnectionLimits

_CANCELLING_SECONDS = 0.25
"""aiohttp waits twice this long before it cancels requests in flight; `Gateway.stop` has waited for them before."""
_LINGERING_SECONDS = 2.0
"""How long the rest of a body that was not read is discarded before the connection is closed."""


class CannotListenError(OSError):
    """The port cannot be opened; `filename` is its address."""


class HttpServer:
    """Serves `application` on `port`, with at most `connections` open at once."""

    def __init__(self, application: web.Application, host: str, port: int, *, connections: int) -> None:
        self._host = host
        self._port = port
        self._limits = ConnectionLimits(connections, time.monotonic)
        application.middlewares.append(self._limits.middleware)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            shutdown_timeout=_CANCELLING_SECONDS,
            lingering_time=_LINGERING_SECONDS,
            # Bodies would be decompressed as they arrive, before a handler has seen who sends them.
            auto_decompress=False,
        )
        self._listening: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen. Raises CannotListenError."""
        await self._runner.setup()
        server = self._runner.server
        if server is None:
            raise RuntimeError("aiohttp made no server")
        self._limits.start(server)
        try:
            accept = partial(self._limits.accept, server)
            loop = asyncio.get_running_loop()
            if self._host == "::":
                # asyncio would take IPv6 alone, and a dual-stack cluster's probes may come by IPv4.
                both = socket.create_server(("::", self._port), family=socket.AF_INET6, dualstack_ipv6=True)
                self._listening = await loop.create_server(accept, sock=both, backlog=1024)
            else:
                self._listening = await loop.create_server(accept, self._host, self._port, backlog=1024)
        except OSError as error:
            raise CannotListenError(error.errno, error.strerror, f"{self._host}:{self._port}") from None

    async def stop(self) -> None:
        """Close the port and every connection; requests in flight are cancelled. Stopping twice is harmless."""
        if self._listening is not None:
            self._listening.close()
        await self._limits.stop()
        await self._runner.cleanup()
