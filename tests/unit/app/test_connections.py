"""What a stranger's connections may cost: their number, and the time to send a head."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from app.connections import HEAD_SECONDS, IDLE_SECONDS, ConnectionLimits

MOST = 5
REQUEST = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"


class Served:
    """A server with limits, on a clock that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.limits = ConnectionLimits(MOST, lambda: self.now)
        self.hold: asyncio.Event | None = None
        application = web.Application(middlewares=[self.limits.middleware])
        application.router.add_post("/", self.handle)
        self.runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        self.port = 0
        self.writers: list[asyncio.StreamWriter] = []

    @property
    def server(self) -> web.Server:
        assert self.runner.server is not None
        return self.runner.server

    async def handle(self, _request: web.Request) -> web.StreamResponse:
        if self.hold is not None:
            await self.hold.wait()
        response = web.StreamResponse(headers={"Content-Length": "0"})
        await response.prepare(_request)
        return response

    async def connect(self, sent: bytes = b"POST / HT") -> asyncio.StreamReader:
        """A connection that has sent so much; without more, half a head."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(sent)
        self.writers.append(writer)
        return reader


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    made = Served()
    await made.runner.setup()
    listening = await asyncio.get_running_loop().create_server(lambda: made.limits.accept(made.server), "127.0.0.1", 0)
    made.port = listening.sockets[0].getsockname()[1]
    yield made
    for writer in made.writers:
        writer.close()
    listening.close()
    await made.runner.cleanup()


async def answered(reader: asyncio.StreamReader) -> None:
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")


async def test_a_half_sent_head_has_a_limited_time(served: Served) -> None:
    half_sent, idle = await served.connect(), await served.connect(REQUEST)
    await answered(idle)
    served.now = HEAD_SECONDS - 1
    served.limits.sweep(served.server)
    assert not half_sent.at_eof()
    served.now = HEAD_SECONDS + 1
    served.limits.sweep(served.server)
    assert await half_sent.read() == b""
    served.writers[1].write(REQUEST)
    await answered(idle)


async def test_an_idle_connection_is_closed_later_than_a_load_balancer_closes_its_own(served: Served) -> None:
    idle = await served.connect(REQUEST)
    await answered(idle)
    served.now = 600
    served.limits.sweep(served.server)
    served.writers[0].write(REQUEST)
    await answered(idle)
    served.now += IDLE_SECONDS + 1
    served.limits.sweep(served.server)
    assert await idle.read() == b""


async def test_a_new_connection_takes_the_place_of_the_one_that_has_waited_longest(served: Served) -> None:
    known = await served.connect(REQUEST)
    await answered(known)
    strangers = [await served.connect() for _ in range(MOST * 3)]
    # Whoever has sent a whole request keeps the connection, however many half-sent heads there are.
    served.writers[0].write(REQUEST)
    await answered(known)
    assert await asyncio.gather(*(reader.read() for reader in strangers[: -(MOST - 1)])) == [b""] * (2 * MOST + 1)
    assert [reader.at_eof() for reader in strangers[-(MOST - 1) :]] == [False] * (MOST - 1)
    assert len(served.server.connections) <= MOST


async def test_a_request_in_flight_is_not_closed_to_make_room(served: Served) -> None:
    served.hold = asyncio.Event()
    busy = [await served.connect(REQUEST) for _ in range(MOST)]
    while served.server.requests_count < MOST:  # noqa: ASYNC110 - requests on their way through sockets
        await asyncio.sleep(0.01)
    refused = await served.connect(REQUEST)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionResetError)):
        await refused.readuntil(b"\r\n\r\n")
    served.hold.set()
    for reader in busy:
        await answered(reader)


async def test_only_the_webhook_keeps_connections(served: Served) -> None:
    nobody = await served.connect(REQUEST.replace(b"POST /", b"GET /unknown"))
    head = await nobody.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert b"Connection: close\r\n" in head


async def test_a_connection_that_is_just_being_accepted_keeps_its_time_limit(served: Served) -> None:
    """asyncio makes the protocol first and connects it in a later turn of the event loop; a sweep may come between."""
    accepted = served.limits.accept(served.server)
    served.limits.sweep(served.server)
    assert list(served.limits._silent) == [accepted]
    assert not served.limits._close_oldest()
    assert list(served.limits._silent) == [accepted]
    served.now = HEAD_SECONDS + 1
    served.limits.sweep(served.server)
    assert not served.limits._silent
