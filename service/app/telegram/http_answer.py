"""Reads HTTP/1.1 answers as they arrive: status and whole body, nothing else is wanted of the Bot API."""

MAX_HEAD = 64 * 1024
MAX_BODY = 64 * 1024 * 1024
"""Bytes. A batch of `getUpdates` has a few megabytes."""


class BadAnswerError(Exception):
    """What came is not HTTP/1.1, or more than may come."""


class AnswerReader:
    """Takes one answer in pieces. `status` and `body` hold once `feed` or `end` has said that it is complete;
    `reusable` says whether another request may follow on the connection.
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
        """Take what has arrived; whether the answer is complete. Raises BadAnswerError."""
        self._buffer += data
        while not self.status:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if len(head) > MAX_HEAD:
                raise BadAnswerError("its head is too long")
            if not found:
                return False
            self._buffer = rest
            self._read_head(bytes(head))
        if len(self._buffer) + len(self._chunks) > MAX_BODY:
            raise BadAnswerError("its body is too long")
        if self._chunked:
            return self._read_chunks()
        if self._length is None or len(self._buffer) < self._length:
            return False
        self._finish(self._buffer[: self._length], self._buffer[self._length :])
        return True

    def end(self) -> bool:
        """The server has closed the connection; whether that completes the answer."""
        if not self.status or self._chunked or self._length is not None:
            return False
        self.reusable = False
        self._finish(self._buffer, bytearray())
        return True

    def _finish(self, body: bytearray, rest: bytearray) -> None:
        self.body = bytes(body)
        # Nothing was asked that could have more answers.
        self.reusable = self.reusable and not rest

    def _read_head(self, head: bytes) -> None:
        first, *lines = head.split(b"\r\n")
        version, _, rest = first.partition(b" ")
        status = rest[:3]
        if version not in (b"HTTP/1.1", b"HTTP/1.0") or len(status) != 3 or not status.isdigit():
            raise BadAnswerError("it is not HTTP/1")
        if status.startswith(b"1"):
            # Interim: the answer itself follows.
            return
        headers = {}
        for line in lines:
            name, colon, value = line.partition(b":")
            if not colon:
                raise BadAnswerError("a header has no colon")
            headers[name.lower()] = value.strip().lower()
        self.status = int(status)
        self.reusable = version == b"HTTP/1.1" and b"close" not in headers.get(b"connection", b"")
        self._frame(headers)

    def _frame(self, headers: dict[bytes, bytes]) -> None:
        if headers.get(b"content-encoding", b"identity") != b"identity":
            raise BadAnswerError("it is encoded, which was not asked for")
        if b"transfer-encoding" in headers:
            if headers[b"transfer-encoding"] != b"chunked":
                raise BadAnswerError("its transfer encoding is unknown")
            self._chunked = True
        elif b"content-length" in headers:
            length = headers[b"content-length"]
            if not length.isdigit() or int(length) > MAX_BODY:
                raise BadAnswerError("its length is none")
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
                raise BadAnswerError("a chunk does not end where it should")
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
        raise BadAnswerError("a chunk has no size") from None
    if size < 0 or size > MAX_BODY:
        raise BadAnswerError("a chunk's size is none")
    return size
