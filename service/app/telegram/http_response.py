"""Reads HTTP/1.1 responses incrementally: status and whole body, which is all that the Bot API needs."""

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024 * 1024
"""In bytes. A batch of `getUpdates` has a few megabytes."""


class InvalidResponseError(Exception):
    """The response is not HTTP/1.1, or too large."""


class ResponseReader:
    """Reads one response. `status` and `body` are valid once `feed` or `end` has returned True.

    `reusable` says whether another request may be sent on the connection.
    """

    def __init__(self) -> None:
        self.status = 0
        self.body = b""
        self.reusable = False
        self._buffer = bytearray()
        self._length: int | None = None
        self._chunked = False
        self._chunks = bytearray()

    def feed(self, data: bytes) -> bool:
        """Read `data`; return whether the response is complete. Raises InvalidResponseError."""
        self._buffer += data
        while not self.status:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if len(head) > MAX_HEAD:
                raise InvalidResponseError("its head is too long")
            if not found:
                return False
            self._buffer = rest
            self._read_head(bytes(head))
        if len(self._buffer) + len(self._chunks) > MAX_BODY:
            raise InvalidResponseError("its body is too long")
        if self._chunked:
            return self._read_chunks()
        if self._length is None or len(self._buffer) < self._length:
            return False
        self._finish(self._buffer[: self._length], self._buffer[self._length :])
        return True

    def end(self) -> bool:
        """Handle the end of the connection; return whether it completes the response."""
        if not self.status or self._chunked or self._length is not None:
            return False
        self.reusable = False
        self._finish(self._buffer, bytearray())
        return True

    def _finish(self, body: bytearray, rest: bytearray) -> None:
        self.body = bytes(body)
        # Bytes beyond the response belong to no request; the connection's state is unknown.
        self.reusable = self.reusable and not rest

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.split(b"\r\n")
        version, _, rest = first.partition(b" ")
        status = rest[:3]
        if version not in (b"HTTP/1.1", b"HTTP/1.0") or len(status) != 3 or not status.isdigit():
            raise InvalidResponseError("it is not HTTP/1")
        if status.startswith(b"1"):
            # Interim (1xx): the final response follows.
            return
        headers = {}
        for line in lines:
            name, colon, value = line.partition(b":")
            if not colon:
                raise InvalidResponseError("a header has no colon")
            headers[name.lower()] = value.strip().lower()
        self.status = int(status)
        self.reusable = version == b"HTTP/1.1" and b"close" not in headers.get(b"connection", b"")
        self._frame(headers)

    def _frame(self, headers: dict[bytes, bytes]) -> None:
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise InvalidResponseError("it has a content encoding, which was not requested")
        if b"transfer-encoding" in headers:
            if headers[b"transfer-encoding"] != b"chunked":
                raise InvalidResponseError("its transfer encoding is unknown")
            self._chunked = True
        elif b"content-length" in headers:
            length = headers[b"content-length"]
            if not length.isdigit() or int(length) > MAX_BODY:
                raise InvalidResponseError("its Content-Length is invalid")
            self._length = int(length)
        elif self.status in (204, 304):
            self._length = 0

    def _read_chunks(self) -> bool:
        while True:
            line, found, rest = self._buffer.partition(b"\r\n")
            if not found:
                return False
            size = _chunk_size(bytes(line))
            if size == 0:
                return self._read_trailers(rest)
            if len(rest) < size + 2:
                return False
            if rest[size : size + 2] != b"\r\n":
                raise InvalidResponseError("a chunk does not end with CRLF")
            self._chunks += rest[:size]
            self._buffer = rest[size + 2 :]

    def _read_trailers(self, rest: bytearray) -> bool:
        if rest.startswith(b"\r\n"):
            self._finish(self._chunks, rest[2:])
            return True
        _, found, after = rest.partition(b"\r\n\r\n")
        if found:
            self._finish(self._chunks, after)
        return bool(found)


def _chunk_size(line: bytes) -> int:
    digits = line.partition(b";")[0].strip()
    try:
        size = int(digits, 16)
    except ValueError:
        raise InvalidResponseError("a chunk has no size") from None
    if size < 0 or size > MAX_BODY:
        raise InvalidResponseError("a chunk's size is invalid")
    return size
