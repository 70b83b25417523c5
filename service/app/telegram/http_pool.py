"""A pool of connections to one HTTP server, for small requests and responses.

aiohttp's client does far more and costs 88 of an update's 449 µs more. Here a request is one write. Not for uploads and
downloads of files; those use aiohttp.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable
from typing import cast

from yarl import URL

from app.telegram.http_response import InvalidResponseError, ResponseReader
from app.telegram.proxy import PROXY_ERRORS, connect_through, reason_of

_TIMEOUT_CHECK_SECONDS = 0.1
"""Seconds between checks for calls that timed out. One timer for all calls: one each would cost 4 µs per call."""


class NotConnectedError(Exception):
    """No connection was available, so nothing was sent. The message names no URL, which would hold the bot token."""


class NoResponseError(Exception):
    """The request may have arrived, but no complete response came. The message names no URL."""


class HttpPool:
    """At most `limit` connections to the server of `base`.

    `connect_seconds` limits connecting, through `proxy` where there is one; a connection idle for longer than
    `idle_seconds` is not used again.
    """

    def __init__(
        self,
        base: URL,
        *,
        limit: int,
        connect_seconds: float,
        idle_seconds: float,
        proxy: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = base.host or ""
        self._port = base.port or 443
        self._connect_seconds = connect_seconds
        self._idle_seconds = idle_seconds
        self._proxy = proxy
        self._clock = clock
        # The certificates of SSL_CERT_FILE where it is set, else the system's.
        self.tls = ssl.create_default_context() if base.scheme == "https" else None
        self._slots = asyncio.Semaphore(limit)
        self._idle: deque[_Connection] = deque()
        self._waiting: set[_Connection] = set()
        self._watching = False

    def head(self, url: URL) -> bytes:
        """Return the start of a POST of JSON to `url`; `post` adds the length and the body."""
        host = url.raw_host or ""
        authority = f"[{host}]" if ":" in host else host
        if not url.is_default_port():
            authority = f"{authority}:{url.port}"
        return (
            f"POST {url.raw_path_qs} HTTP/1.1\r\nHost: {authority}\r\nAccept: application/json\r\n"
            "Accept-Encoding: identity\r\nContent-Type: application/json\r\nContent-Length: "
        ).encode("ascii")

    async def post(self, head: bytes, body: bytes, seconds: float) -> tuple[int, bytes]:
        """Send a request and return the response's status and body, within `seconds`.

        Raises:
            NotConnectedError: the server was not reached.
            NoResponseError: it was, but no complete response came in time.
        """
        give_up_at = self._clock() + seconds
        await self._acquire_slot(seconds)
        try:
            connection = self._reusable() or await self._connect(give_up_at - self._clock())
            connection.give_up_at = give_up_at
            self._waiting.add(connection)
            self._watch()
            try:
                response = await connection.exchange(b"%b%d\r\n\r\n%b" % (head, len(body), body))
            finally:
                self._waiting.remove(connection)
        finally:
            self._slots.release()
        if connection.usable:
            connection.idle_since = self._clock()
            self._idle.append(connection)
        return response

    def close(self) -> None:
        """Close the idle connections."""
        while self._idle:
            self._idle.pop().close()

    def _watch(self) -> None:
        if self._waiting and not self._watching:
            self._watching = True
            asyncio.get_running_loop().call_later(_TIMEOUT_CHECK_SECONDS, self._fail_overdue)

    def _fail_overdue(self) -> None:
        now = self._clock()
        for connection in self._waiting:
            if connection.give_up_at <= now:
                connection.fail("TimeoutError")
        self._watching = False
        self._watch()

    async def _acquire_slot(self, seconds: float) -> None:
        if not self._slots.locked():
            await self._slots.acquire()
            return
        try:
            async with asyncio.timeout(seconds):
                await self._slots.acquire()
        except TimeoutError:
            raise NotConnectedError("TimeoutError") from None

    def _reusable(self) -> "_Connection | None":
        too_old = self._clock() - self._idle_seconds
        while self._idle and self._idle[0].idle_since < too_old:
            self._idle.popleft().close()
        # The one used last, so that surplus connections reach the idle limit.
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    async def _connect(self, seconds: float) -> "_Connection":
        seconds = min(seconds, self._connect_seconds)
        try:
            async with asyncio.timeout(seconds):
                return await self._open(seconds)
        # Only the type: some messages hold the host, or the proxy's.
        except (OSError, *PROXY_ERRORS) as error:
            raise NotConnectedError(reason_of(error)) from None

    async def _open(self, seconds: float) -> "_Connection":
        loop = asyncio.get_running_loop()
        if self._proxy is None:
            _, connection = await loop.create_connection(_Connection, self._host, self._port, ssl=self.tls)
            return connection
        tunnel = await connect_through(self._proxy, self._host, self._port, seconds)
        try:
            name = self._host if self.tls else None
            _, connection = await loop.create_connection(_Connection, sock=tunnel, ssl=self.tls, server_hostname=name)
        except BaseException:
            # The handshake failed or was cancelled.
            tunnel.close()
            raise
        return connection


class _Connection(asyncio.Protocol):
    """One connection with at most one request in flight."""

    def __init__(self) -> None:
        self.idle_since = 0.0
        self.give_up_at = 0.0
        self._open = False
        self._reader = ResponseReader()
        self._response: asyncio.Future[tuple[int, bytes]] | None = None

    @property
    def usable(self) -> bool:
        """Whether a request may be sent."""
        # The transport knows that it is closing before it calls `connection_lost`.
        return self._open and not self._transport.is_closing()

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and wait for the response or for `fail`. Raises NoResponseError, and closes the connection."""
        self._reader = ResponseReader()
        self._response = asyncio.get_running_loop().create_future()
        whole = False
        try:
            self._transport.write(request)
            response = await self._response
            whole = True
        except RuntimeError as error:
            # uvloop raises it for a transport that has been closed.
            raise NoResponseError(type(error).__name__) from None
        finally:
            self._response = None
            if not whole:
                self.close()
        return response

    def close(self) -> None:
        self._open = False
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._open = True

    def eof_received(self) -> None:
        # Returning None lets the transport close itself.
        self._open = False

    def data_received(self, data: bytes) -> None:
        # Bytes without a request, or after its timeout, would be read as the next response.
        if self._response is None or self._response.done():
            self.close()
            return
        try:
            complete = self._reader.feed(data)
        except InvalidResponseError:
            self.fail("InvalidResponseError")
            return
        if complete:
            self._succeed()

    def connection_lost(self, exc: Exception | None) -> None:
        self._open = False
        if self._response is None or self._response.done():
            return
        if exc is None and self._reader.end():
            self._succeed()
        else:
            self.fail("ConnectionResetError" if exc is None else type(exc).__name__)

    def _succeed(self) -> None:
        if not self._reader.reusable:
            self.close()
        if self._response is not None:
            self._response.set_result((self._reader.status, self._reader.body))

    def fail(self, reason: str) -> None:
        """Close, and fail the request in flight."""
        self.close()
        if self._response is not None and not self._response.done():
            self._response.set_exception(NoResponseError(reason))
