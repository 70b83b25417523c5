"""A pool of connections to one HTTP server, for small requests whose whole answer is wanted.

aiohttp's client can do far more, and with that costs a quarter of an update. Here a request is one write and an answer
is read as it arrives. What is left to aiohttp: forms with files, and downloads.
"""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable
from typing import cast

from yarl import URL

from app.telegram.http_answer import AnswerReader, BadAnswerError

_LATE_SECONDS = 0.1
"""How much later than asked a call may be given up: the pool looks at all of them together, for a timer of its own
costs each of them 4 µs."""


class NotConnectedError(Exception):
    """No connection could be had, so nothing has been sent. The message is a reason without any address."""


class NoAnswerError(Exception):
    """The request may have arrived, but no whole answer came. The message is a reason without any address."""


class HttpPool:
    """Connections to the server of `base`, at most `limit`; seconds bound connecting and how long one may lie idle."""

    def __init__(
        self,
        base: URL,
        *,
        limit: int,
        connect_seconds: float,
        idle_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._host = base.host or ""
        self._port = base.port or 443
        self._connect_seconds = connect_seconds
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._tls = ssl.create_default_context() if base.scheme == "https" else None
        self._places = asyncio.Semaphore(limit)
        self._idle: deque[_Connection] = deque()
        self._waiting: set[_Connection] = set()
        self._watching = False

    def head(self, url: URL) -> bytes:
        """What a POST of JSON to `url` begins with; `post` adds the length and the body."""
        host = url.raw_host or ""
        authority = f"[{host}]" if ":" in host else host
        if not url.is_default_port():
            authority = f"{authority}:{url.port}"
        return (
            f"POST {url.raw_path_qs} HTTP/1.1\r\nHost: {authority}\r\nAccept: application/json\r\n"
            "Accept-Encoding: identity\r\nContent-Type: application/json\r\nContent-Length: "
        ).encode("ascii")

    async def post(self, head: bytes, body: bytes, seconds: float) -> tuple[int, bytes]:
        """Status and body of the answer, within so many seconds.

        Raises:
            NotConnectedError: the server was not reached.
            NoAnswerError: it was, but did not answer in full or in time.
        """
        give_up_at = self._clock() + seconds
        await self._take_place(seconds)
        try:
            connection = self._reusable() or await self._connect(give_up_at - self._clock())
            connection.give_up_at = give_up_at
            self._waiting.add(connection)
            self._watch()
            try:
                answer = await connection.exchange(b"%b%d\r\n\r\n%b" % (head, len(body), body))
            finally:
                self._waiting.remove(connection)
        finally:
            self._places.release()
        if connection.usable:
            connection.idle_since = self._clock()
            self._idle.append(connection)
        return answer

    def close(self) -> None:
        """Close the connections that lie idle."""
        while self._idle:
            self._idle.pop().close()

    def _watch(self) -> None:
        if self._waiting and not self._watching:
            self._watching = True
            asyncio.get_running_loop().call_later(_LATE_SECONDS, self._give_up)

    def _give_up(self) -> None:
        now = self._clock()
        for connection in self._waiting:
            if connection.give_up_at <= now:
                connection.fail("TimeoutError")
        self._watching = False
        self._watch()

    async def _take_place(self, seconds: float) -> None:
        if not self._places.locked():
            await self._places.acquire()
            return
        try:
            async with asyncio.timeout(seconds):
                await self._places.acquire()
        except TimeoutError:
            raise NotConnectedError("TimeoutError") from None

    def _reusable(self) -> "_Connection | None":
        too_old = self._clock() - self._idle_seconds
        while self._idle and self._idle[0].idle_since < too_old:
            self._idle.popleft().close()
        # The one used last: so those that are not needed grow old.
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    async def _connect(self, seconds: float) -> "_Connection":
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(min(seconds, self._connect_seconds)):
                _, connection = await loop.create_connection(_Connection, self._host, self._port, ssl=self._tls)
        # Only the type: some messages hold the address.
        except OSError as error:
            raise NotConnectedError(type(error).__name__) from None
        return connection


class _Connection(asyncio.Protocol):
    """One connection with at most one request under way."""

    def __init__(self) -> None:
        self.idle_since = 0.0
        self.give_up_at = 0.0
        self._open = False
        self._reader = AnswerReader()
        self._answer: asyncio.Future[tuple[int, bytes]] | None = None

    @property
    def usable(self) -> bool:
        """Whether a request may be sent. The transport knows of an end before `connection_lost` tells of it."""
        return self._open and not self._transport.is_closing()

    async def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Send a request and wait for its answer, until `fail` is called; without a whole one, it is closed. Raises
        NoAnswerError.
        """
        self._reader = AnswerReader()
        self._answer = asyncio.get_running_loop().create_future()
        whole = False
        try:
            self._transport.write(request)
            answer = await self._answer
            whole = True
        except RuntimeError as error:
            # uvloop's word for a transport that has been closed.
            raise NoAnswerError(type(error).__name__) from None
        finally:
            self._answer = None
            if not whole:
                self.close()
        return answer

    def close(self) -> None:
        """Use it no more."""
        self._open = False
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is open."""
        self._transport = cast("asyncio.Transport", transport)
        self._open = True

    def eof_received(self) -> None:
        """The server sends no more; the transport closes itself next."""
        self._open = False

    def data_received(self, data: bytes) -> None:
        """A piece of the answer; of what was not asked for, nothing is taken."""
        if self._answer is None or self._answer.done():
            self.close()
            return
        try:
            complete = self._reader.feed(data)
        except BadAnswerError:
            self.fail("BadAnswerError")
            return
        if complete:
            self._succeed()

    def connection_lost(self, exc: Exception | None) -> None:
        """The server has closed it, or it broke."""
        self._open = False
        if self._answer is None or self._answer.done():
            return
        if exc is None and self._reader.end():
            self._succeed()
        else:
            self.fail("ConnectionResetError" if exc is None else type(exc).__name__)

    def _succeed(self) -> None:
        if not self._reader.reusable:
            self.close()
        if self._answer is not None:
            self._answer.set_result((self._reader.status, self._reader.body))

    def fail(self, reason: str) -> None:
        """End the exchange under way without an answer."""
        self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(NoAnswerError(reason))
