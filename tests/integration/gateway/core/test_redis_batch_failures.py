"""What becomes of callers and connections when an exchange ends in any other way than with all its replies."""

import asyncio
import gc
import itertools
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from app.core.redis_batch import BatchedRedis, RedisUnavailableError, Script

ECHO = Script("claim", "return ARGV[1]")
FAILURES = (
    RuntimeError("unable to perform operation on <TCPTransport closed=True>"),
    ValueError("the parser's"),
    RedisConnectionError("reset"),
    OSError("broken pipe"),
    asyncio.CancelledError(),
)


class Server:
    """Echoes each command's last argument over connections that keep what was not read for the next reader.

    Each step of an exchange takes the next of `faults`: None is no fault, an exception is raised there, an event is
    waited for, a value is answered in the command's place.
    """

    def __init__(self, *faults: Any) -> None:
        self.faults = list(faults)
        self.made: list[FakeConnection] = []

    def connect(self) -> Any:
        self.made.append(FakeConnection(self))
        return self.made[-1]

    async def step(self) -> Any:
        fault = self.faults.pop(0) if self.faults else None
        if isinstance(fault, BaseException):
            raise fault
        if isinstance(fault, asyncio.Event):
            await fault.wait()
            return None
        return fault


class FakeConnection:
    def __init__(self, server: Server) -> None:
        self._server = server
        self._unread: list[bytes] = []
        self.open = True
        self.cannot_close: Exception | None = None

    async def connect(self) -> None:
        await self._server.step()

    async def send_packed_command(self, commands: list[bytes], *, check_health: bool) -> None:
        assert self.open
        self._unread += [command.rsplit(b"\r\n", 2)[1] for command in commands]
        await self._server.step()

    async def read_response(self) -> Any:
        reply = await self._server.step()
        return reply or self._unread.pop(0)

    async def disconnect(self, *, nowait: bool) -> None:
        self.open = False
        if self.cannot_close is not None:
            raise self.cannot_close


def batched(server: Server, *, connections: int = 1, seconds: float = 5) -> BatchedRedis:
    return BatchedRedis(server.connect, timeout=seconds, connections=connections)


async def echoes(redis: BatchedRedis, *texts: str) -> list[Any]:
    """What each caller gets; whoever is left hanging ends the test."""
    async with asyncio.timeout(60):
        return await asyncio.gather(*(redis.run(ECHO, (), text) for text in texts), return_exceptions=True)


@pytest.mark.parametrize("failure", FAILURES[:4], ids=lambda failure: type(failure).__name__)
@pytest.mark.parametrize("steps_before", range(4), ids=["connecting", "sending", "first reply", "second reply"])
async def test_a_failure_costs_the_connection_and_refuses_who_got_no_reply(
    failure: Exception, steps_before: int
) -> None:
    server = Server(*[None] * steps_before, failure)
    redis = batched(server)
    got = await echoes(redis, "a", "b", "c")
    answered = max(0, steps_before - 2)
    assert got[:answered] == [b"a", b"b"][:answered]
    assert [str(refusal) for refusal in got[answered:]] == [f"Redis: {type(failure).__name__}"] * (3 - answered)
    assert all(isinstance(refusal, RedisUnavailableError) for refusal in got[answered:])
    assert await echoes(redis, "d") == [b"d"]
    assert [connection.open for connection in server.made] == [False, True]


@pytest.mark.parametrize(
    ("failure", "events"),
    [(ValueError("a bug"), ["redis_exchange_failed"]), (RedisConnectionError("reset"), [])],
    ids=["unexpected", "expected"],
)
async def test_what_nobody_expects_is_logged_once_with_its_cause(failure: Exception, events: list[str]) -> None:
    redis = batched(Server(None, None, failure))
    with capture_logs() as logs:
        await echoes(redis, "a", "b", "c")
    assert [entry["event"] for entry in logs] == events
    assert all(entry["exc_info"] for entry in logs)


async def test_a_connection_that_cannot_be_closed_is_left_all_the_same() -> None:
    server = Server()
    redis = batched(server)
    assert await echoes(redis, "a") == [b"a"]
    server.made[0].cannot_close = RuntimeError("closed=True")
    server.faults = [None, None, OSError()]
    assert [type(refusal) for refusal in await echoes(redis, "b")] == [RedisUnavailableError]
    assert await echoes(redis, "c") == [b"c"]


async def test_a_connection_that_cannot_be_made_refuses() -> None:
    def connect() -> Any:
        raise TypeError("an option that it does not know")

    redis = BatchedRedis(connect, timeout=5)
    assert [type(refusal) for refusal in await echoes(redis, "a", "b")] == [RedisUnavailableError] * 2


async def test_a_time_limit_in_mid_reply_discards_the_connection() -> None:
    server = Server(None, None, asyncio.Event())
    redis = batched(server, seconds=0.01)
    assert [str(refusal) for refusal in await echoes(redis, "a")] == ["Redis: TimeoutError"]
    assert await echoes(redis, "b") == [b"b"]
    assert len(server.made) == 2


async def test_a_cancelled_exchange_discards_the_connection_and_strands_nobody() -> None:
    server = Server(None, None, asyncio.Event())
    redis = batched(server)
    first = asyncio.ensure_future(redis.run(ECHO, (), "a"))
    [exchange] = await begun(redis)
    behind = asyncio.ensure_future(redis.run(ECHO, (), "b"))
    await asyncio.sleep(0)
    exchange.cancel()
    async with asyncio.timeout(60):
        assert await behind == b"b"
    assert first.cancelled()
    assert [connection.open for connection in server.made] == [False, True]


async def test_an_exchange_cancelled_before_its_first_step_strands_nobody() -> None:
    redis = batched(Server())
    asking = asyncio.ensure_future(redis.run(ECHO, (), "a"))
    while not redis._exchanges:  # noqa: ASYNC110 - nothing tells when an exchange begins
        await asyncio.sleep(0)
    for exchange in redis._exchanges:
        exchange.cancel()
    async with asyncio.timeout(60):
        assert await asking == b"a"


async def test_nothing_is_left_of_a_failure_that_nobody_asks_for() -> None:
    """An ASKING has no caller; an exception kept for it would be reported as never retrieved."""
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: told.append(context))
    redis = batched(Server(None, OSError()))
    with pytest.raises(RedisUnavailableError):
        await redis.call(ECHO, (), "a", asking=True)
    await redis.close()
    gc.collect()
    assert told == []


async def test_close_waits_for_what_is_under_way_and_refuses_what_comes_after() -> None:
    hold = asyncio.Event()
    server = Server(None, None, hold)
    redis = batched(server)
    first = asyncio.ensure_future(redis.run(ECHO, (), "a"))
    await begun(redis)
    waiting = asyncio.ensure_future(redis.run(ECHO, (), "b"))
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(redis.close())
    await asyncio.sleep(0)
    with pytest.raises(RedisUnavailableError):
        await redis.run(ECHO, (), "c")
    hold.set()
    assert await asyncio.gather(first, waiting, closing) == [b"a", b"b", None]
    assert [connection.open for connection in server.made] == [False]


@settings(deadline=None)
@given(st.lists(st.sampled_from([None, None, None, *FAILURES]), max_size=40), st.integers(1, 2))
def test_whatever_happens_each_caller_gets_its_own_reply_or_none(faults: list[Any], connections: int) -> None:
    async def ask() -> None:
        server = Server(*faults)
        redis = batched(server, connections=connections)
        numbers = itertools.count()
        for size in (1, 5, 2, 7):
            texts = [str(next(numbers)) for _ in range(size)]
            for text, got in zip(texts, await echoes(redis, *texts), strict=True):
                assert got == text.encode() or isinstance(got, RedisUnavailableError | asyncio.CancelledError)
        server.faults.clear()
        assert await echoes(redis, "last") == [b"last"]
        await redis.close()
        assert not any(connection.open for connection in server.made)

    with capture_logs():
        asyncio.run(ask())


async def begun(redis: BatchedRedis) -> list["asyncio.Task[None]"]:
    """The exchanges under way, when each waits for its replies."""
    for _ in range(10):
        await asyncio.sleep(0)
    return list(redis._exchanges)
