"""Answers without a body that are the same bytes each time but for the date.

Telegram reads nothing but the status and `Retry-After`. aiohttp puts the headers of each answer together anew.
"""

import time
from email.utils import formatdate
from http import HTTPStatus

from aiohttp import web


class FixedAnswer(web.StreamResponse):
    """May be given to any number of requests. `retry_after` in seconds; `close` ends the connection with it."""

    def __init__(self, status: int, *, retry_after: int | None = None, close: bool) -> None:
        super().__init__(status=status)
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", "Content-Length: 0"]
        if retry_after is not None:
            lines.append(f"Retry-After: {retry_after}")
        if close:
            lines.append("Connection: close")
        self._head = "\r\n".join(lines).encode("ascii")
        self._close = close
        self._second = 0
        self._bytes = b""

    @property
    def keep_alive(self) -> bool:
        """Whether aiohttp is to wait for another request on the connection."""
        return not self._close

    async def prepare(self, request: web.BaseRequest) -> None:
        """Write it, all at once; wait where the client does not read. Raises ConnectionResetError where it is gone."""
        transport = request.transport
        if transport is None or transport.is_closing():
            raise ConnectionResetError("the connection is closed")
        second = int(time.time())
        if second != self._second:
            self._second = second
            self._bytes = b"%b\r\nDate: %b\r\n\r\n" % (self._head, formatdate(second, usegmt=True).encode("ascii"))
        transport.write(self._bytes)
        if request.protocol.writing_paused:
            await request.writer.drain()

    async def write_eof(self, data: bytes = b"") -> None:
        """There is no body, and `prepare` has written the rest."""
