"""The pool against a server that responses as it is told."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from app.telegram.http_pool import HttpPool, NoResponseError, NotConnectedError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSING = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Answers each request with the next of `responses`; an empty one closes, None says nothing."""

    def __init__(self) -> None:
        self.responses: list[bytes | None] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self.arrived = asyncio.Event()
        self.ends_after_answer = False
        self.hold = asyncio.Event()
        self.hold.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
                self.requests.append(head + await reader.readexactly(length))
                self.arrived.set()
                await self.hold.wait()
                response = self.responses.pop(0) if self.responses else OK
                if response == b"":
                    break
                writer.write(response or b"")
                if self.ends_after_answer:
                    break
        except (asyncio.IncompleteReadError, ConnectionResetError):
            # The client has gone.
            return
        finally:
            writer.close()


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def server() -> Server:
    return Server()


@pytest.fixture
async def base(server: Server) -> AsyncIterator[URL]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    yield URL.build(scheme="http", host="127.0.0.1", port=listening.sockets[0].getsockname()[1])
    listening.close()


def pool_of(base: URL, *, limit: int = 4, clock: Clock | None = None) -> HttpPool:
    return HttpPool(base, limit=limit, connect_seconds=2, idle_seconds=30, clock=clock or Clock())


async def post(pool: HttpPool, base: URL, body: bytes = b"{}", seconds: float = 5) -> tuple[int, bytes]:
    return await pool.post(pool.head(base / "bot42:TOKEN/getMe"), body, seconds)


async def test_a_request_is_a_post_of_json(server: Server, base: URL) -> None:
    pool = pool_of(base)
    assert await post(pool, base, b'{"a":1}') == (200, b"ok")
    [request] = server.requests
    head, _, body = request.partition(b"\r\n\r\n")
    assert head.startswith(b"POST /bot42:TOKEN/getMe HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n" % (base.port or 0))
    assert head.endswith(b"Content-Type: application/json\r\nContent-Length: 7")
    assert body == b'{"a":1}'
    pool.close()


def test_the_host_stands_as_it_should() -> None:
    secure = pool_of(URL("https://api.telegram.org"))
    assert b"\r\nHost: api.telegram.org\r\n" in secure.head(URL("https://api.telegram.org/bot1/getMe"))
    assert b"\r\nHost: [::1]:8081\r\n" in secure.head(URL("http://[::1]:8081/bot1/getMe"))


async def test_a_connection_is_used_again(server: Server, base: URL) -> None:
    pool = pool_of(base)
    for _ in range(3):
        await post(pool, base)
    assert server.connections == 1
    pool.close()


@pytest.mark.parametrize("response", [CLOSING, OK + b"more"])
async def test_one_that_the_server_ends_is_not(server: Server, base: URL, response: bytes) -> None:
    server.responses = [response]
    pool = pool_of(base)
    assert await post(pool, base) == (200, b"ok")
    assert await post(pool, base) == (200, b"ok")
    assert server.connections == 2
    pool.close()


async def test_one_that_lay_idle_for_long_is_not(server: Server, base: URL) -> None:
    clock = Clock()
    pool = pool_of(base, clock=clock)
    await post(pool, base)
    clock.now += 31
    await post(pool, base)
    assert server.connections == 2
    pool.close()


async def test_one_on_which_something_came_unasked_is_not(server: Server, base: URL) -> None:
    pool = pool_of(base)
    await post(pool, base)
    [idle] = pool._idle
    idle.data_received(b"HTTP/1.1 408 Request Timeout\r\n\r\n")
    await post(pool, base)
    assert server.connections == 2
    pool.close()


@pytest.mark.parametrize("ending", ["the server's end", "an aborted transport"])
async def test_one_that_is_just_ending_is_not(server: Server, base: URL, ending: str) -> None:
    """Between the end and `connection_lost` a request would be swallowed, and its outcome count as unknown."""
    pool = pool_of(base)
    await post(pool, base)
    [idle] = pool._idle
    if ending == "the server's end":
        idle.eof_received()
    else:
        idle._transport.abort()
    assert await post(pool, base) == (200, b"ok")
    assert server.connections == 2
    pool.close()


async def test_a_write_that_fails_is_no_response_and_ends_the_connection(
    server: Server, base: URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = pool_of(base)
    await post(pool, base)
    [idle] = pool._idle

    class Closed:
        """As uvloop's, whose loop knows already what `is_closing` does not tell yet."""

        closed = False

        def is_closing(self) -> bool:
            return False

        def write(self, data: bytes) -> None:
            raise RuntimeError("unable to perform operation on <TCPTransport closed=True>")

        def close(self) -> None:
            self.closed = True

    transport, broken = idle._transport, Closed()
    monkeypatch.setattr(idle, "_transport", broken)
    with pytest.raises(NoResponseError, match=r"^RuntimeError$"):
        await post(pool, base)
    assert broken.closed
    assert await post(pool, base) == (200, b"ok")
    assert server.connections == 2
    transport.close()
    pool.close()


@pytest.mark.parametrize("response", [b"", b"SSH-2.0-OpenSSH\r\n\r\n"])
async def test_without_a_response_the_outcome_is_not_known(server: Server, base: URL, response: bytes) -> None:
    server.responses = [response]
    pool = pool_of(base)
    with pytest.raises(NoResponseError):
        await post(pool, base)
    assert await post(pool, base) == (200, b"ok")
    pool.close()


async def test_a_response_that_is_cut_off_is_none(server: Server, base: URL) -> None:
    server.responses = [b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nhalf"]
    server.ends_after_answer = True
    pool = pool_of(base)
    with pytest.raises(NoResponseError, match=r"^ConnectionResetError$"):
        await post(pool, base)


async def test_a_response_that_comes_too_late_is_none(server: Server, base: URL) -> None:
    server.responses = [OK, None]
    pool = pool_of(base)
    await post(pool, base)
    with pytest.raises(NoResponseError, match="TimeoutError"):
        await post(pool, base, seconds=0)
    pool.close()


async def test_each_call_ends_at_its_own_time(server: Server, base: URL) -> None:
    server.hold.clear()
    clock = Clock()
    pool = pool_of(base, clock=clock)
    short, long = (asyncio.create_task(post(pool, base, seconds=seconds)) for seconds in (5, 50))
    await server.arrived.wait()
    clock.now += 6
    with pytest.raises(NoResponseError, match="TimeoutError"):
        await short
    assert not long.done()
    clock.now += 50
    with pytest.raises(NoResponseError, match="TimeoutError"):
        await long
    server.hold.set()
    pool.close()


async def test_a_cancelled_request_takes_its_connection_with_it(server: Server, base: URL) -> None:
    server.hold.clear()
    pool = pool_of(base)
    asked = asyncio.create_task(post(pool, base))
    await server.arrived.wait()
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked
    server.hold.set()
    assert await post(pool, base) == (200, b"ok")
    assert server.connections == 2
    pool.close()


async def test_no_more_connections_than_allowed(server: Server, base: URL) -> None:
    server.hold.clear()
    pool = pool_of(base, limit=2)
    asked = [asyncio.create_task(post(pool, base)) for _ in range(5)]
    # Each begins, and two of them have the places.
    await asyncio.sleep(0)
    with pytest.raises(NotConnectedError):
        await post(pool, base, seconds=0.01)
    server.hold.set()
    assert await asyncio.gather(*asked) == [(200, b"ok")] * 5
    assert server.connections == 2
    pool.close()


async def test_where_nobody_listens_nothing_is_sent(base: URL) -> None:
    pool = pool_of(URL("http://127.0.0.1:1"))
    with pytest.raises(NotConnectedError, match=r"^ConnectionRefusedError$"):
        await post(pool, base)
