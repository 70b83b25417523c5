"""The responses as bytes on a connection to a real aiohttp server."""

import asyncio
from collections.abc import AsyncIterator
from email.utils import parsedate_to_datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, make_mocked_request

from app.fixed_answer import FixedAnswer

KEPT = FixedAnswer(200, close=False)
CLOSED = FixedAnswer(503, retry_after=1, close=True)


class Client:
    """One connection, read response by response."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def send(self, *paths: str) -> None:
        """Ask for all of them at once."""
        self._writer.write(b"".join(f"GET {path} HTTP/1.1\r\nHost: gateway\r\n\r\n".encode() for path in paths))

    async def response(self) -> tuple[str, dict[str, str]]:
        """Status line and headers."""
        status, *headers = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        return status, dict(line.split(": ", 1) for line in headers)

    async def ended(self) -> bool:
        return await self._reader.read() == b""


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async def kept(_request: web.Request) -> web.StreamResponse:
        return KEPT

    async def closed(_request: web.Request) -> web.StreamResponse:
        return CLOSED

    application = web.Application()
    application.router.add_get("/kept", kept)
    application.router.add_get("/closed", closed)
    async with TestServer(application) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        yield Client(reader, writer)
        writer.close()


async def test_a_connection_is_used_again(client: Client) -> None:
    for _ in range(3):
        client.send("/kept")
        status, headers = await client.answer()
        assert status == "HTTP/1.1 200 OK"
        assert parsedate_to_datetime(headers.pop("Date")).tzinfo is not None
        assert headers == {"Content-Length": "0"}


async def test_requests_sent_at_once_are_answered_in_turn(client: Client) -> None:
    client.send("/kept", "/kept", "/closed")
    assert [(await client.answer())[0].split()[1] for _ in range(3)] == ["200", "200", "503"]


async def test_a_connection_ends_with_its_response(client: Client) -> None:
    client.send("/closed")
    status, headers = await client.answer()
    assert status == "HTTP/1.1 503 Service Unavailable"
    assert (headers["Retry-After"], headers["Connection"]) == ("1", "close")
    assert await client.ended()


async def test_the_date_follows_the_clock(monkeypatch: pytest.MonkeyPatch, client: Client) -> None:
    for second, date in ((1_700_000_000.9, "Tue, 14 Nov 2023 22:13:20 GMT"), (1_700_000_001.1, "22:13:21 GMT")):
        monkeypatch.setattr("app.fixed_answer.time.time", lambda second=second: second)
        client.send("/kept")
        assert (await client.answer())[1]["Date"].endswith(date)


async def test_a_client_that_does_not_read_is_waited_for() -> None:
    handled = 0

    async def kept(_request: web.Request) -> web.StreamResponse:
        nonlocal handled
        handled += 1
        return KEPT

    application = web.Application()
    application.router.add_get("/kept", kept)
    async with TestServer(application) as server:
        _, writer = await asyncio.open_connection(server.host, server.port, limit=1)
        requests = b"GET /kept HTTP/1.1\r\nHost: gateway\r\n\r\n" * 200_000
        writer.write(requests)
        seen = -1
        while seen != handled:
            seen = handled
            await asyncio.sleep(0.5)
        assert 0 < handled < 200_000
        writer.transport.abort()


async def test_nobody_is_there_any_more() -> None:
    request = make_mocked_request("GET", "/kept")
    request.protocol.transport = None
    with pytest.raises(ConnectionResetError):
        await KEPT.prepare(request)
