"""Reads a request's body within limits on its size and on the time that it takes to arrive."""

import asyncio

from aiohttp import hdrs, web

BODY_SECONDS = 10.0
"""Longest time for one body. Telegram sends an update of a few kB in one packet; a sender that takes longer would hold
one of the slots for updates in flight."""

HEAD = 4096
"""Bytes of a too large body that are read."""


class BodyEncodedError(Exception):
    """The body has a Content-Encoding. Nothing is decompressed: 1 MB can unpack to 1,000 MB."""


class BodyTooLargeError(Exception):
    """The body is larger than allowed; `head` is its start."""

    def __init__(self, head: bytes) -> None:
        super().__init__(len(head))
        self.head = head


class BodyTimeoutError(Exception):
    """The body did not arrive in time."""


class BodyBrokenError(Exception):
    """The body ended early or its framing is malformed."""


async def read_body(request: web.Request, limit: int, *, seconds: float = BODY_SECONDS) -> bytes:
    """Read a body of at most `limit` bytes.

    Raises:
        BodyEncodedError, BodyTooLargeError, BodyTimeoutError, BodyBrokenError: as their names say.
        ConnectionError: the client is gone.
    """
    if hdrs.CONTENT_ENCODING in request.headers:
        raise BodyEncodedError
    try:
        async with asyncio.timeout(seconds):
            return await _read(request, limit)
    except TimeoutError:
        raise BodyTimeoutError from None
    except web.RequestPayloadError:
        raise BodyBrokenError from None


async def _read(request: web.Request, limit: int) -> bytes:
    length = request.content_length
    if length is not None and length <= limit:
        return await request.content.read()
    if length is not None:
        raise BodyTooLargeError(await request.content.read(HEAD))
    # Chunked: the size is known only at the end.
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise BodyTooLargeError(bytes(body[:HEAD]))
    return bytes(body)
