"""Load on a webhook: as fast as it answers (closed loop), or at a fixed rate whatever it answers (open loop)."""

from __future__ import annotations

import asyncio
import collections
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar, cast

import httptools
import orjson

PEOPLE = range(1000, 1500)

Each = TypeVar("Each")
Seen = TypeVar("Seen")


@dataclass(frozen=True)
class Result:
    """What one run saw. Latencies in seconds, from the moment a request was due."""

    updates: int
    seconds: float
    statuses: dict[int, int]
    latencies: list[float]

    @property
    def per_second(self) -> float:
        return self.updates / self.seconds

    def quantile(self, share: float) -> float:
        return statistics.quantiles(self.latencies, n=1000)[round(share * 1000) - 1]


class Requests:
    """Bodies of updates with rising ids, each user in turn."""

    def __init__(self) -> None:
        self._ids = itertools.count(int(time.time()) * 10)

    def next(self, user: int) -> bytes:
        """A whole HTTP request with the command /help of `user`."""
        number = next(self._ids)
        person = {"id": user, "is_bot": False, "first_name": "Ivan", "username": f"user{user}", "language_code": "en"}
        body = orjson.dumps(
            {
                "update_id": number,
                "message": {
                    "message_id": number,
                    "date": 1700000000,
                    "from": person,
                    "chat": {"id": user, "first_name": "Ivan", "username": f"user{user}", "type": "private"},
                    "text": "/help",
                    "entities": [{"type": "bot_command", "offset": 0, "length": 5}],
                },
            }
        )
        head = b"POST /webhook HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        return head % len(body) + body


class Connection(asyncio.Protocol):
    """One keep-alive connection with one request in flight."""

    def __init__(self) -> None:
        self._answer: asyncio.Future[int] | None = None
        self._closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._closing = not self._parser.should_keep_alive()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(self._parser.get_status_code())

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(exc or ConnectionResetError("closed"))

    async def ask(self, request: bytes) -> int:
        """Send and return the status."""
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Ask no more."""
        self._transport.close()

    @property
    def usable(self) -> bool:
        """False once the server has said, or shown, that it closes the connection."""
        return not self._closing


async def connect(port: int) -> Connection:
    """A new connection, free to use."""
    return (await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port))[1]


async def closed_loop(
    port: int, requests: Requests, *, seconds: float, connections: int, people: Sequence[int] = PEOPLE
) -> Result:
    """Every connection asks again as soon as it is answered, for its own part of `people`, round and round."""
    statuses: collections.Counter[int] = collections.Counter()
    latencies: list[float] = []
    start = time.perf_counter()

    async def worker(first: int) -> None:
        connection = await connect(port)
        users = itertools.cycle(people[first::connections])
        while (asked := time.perf_counter()) - start < seconds:
            if not connection.usable:
                connection = await connect(port)
            statuses[await connection.ask(requests.next(next(users)))] += 1
            latencies.append(time.perf_counter() - asked)
        connection.close()

    await asyncio.gather(*(worker(number) for number in range(connections)))
    return Result(sum(statuses.values()), time.perf_counter() - start, dict(statuses), latencies)


async def open_loop(
    port: int, requests: Requests, *, seconds: float, rate: float, people: Iterable[int] = PEOPLE
) -> Result:
    """A request of the next of `people`, round and round, is due every 1/rate seconds; its wait counts."""
    statuses: collections.Counter[int] = collections.Counter()
    latencies: list[float] = []
    free: list[Connection] = []
    users = itertools.cycle(people)
    tasks: list[asyncio.Task[None]] = []

    async def one(due: float, user: int) -> None:
        connection = free.pop() if free else await connect(port)
        statuses[await connection.ask(requests.next(user))] += 1
        latencies.append(time.perf_counter() - due)
        if connection.usable:
            free.append(connection)

    start = time.perf_counter()
    for number in range(int(seconds * rate)):
        due = start + number / rate
        if (wait := due - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one(due, next(users))))
    await asyncio.gather(*tasks)
    for connection in free:
        connection.close()
    return Result(sum(statuses.values()), time.perf_counter() - start, dict(statuses), latencies)


def require_success(name: str, result: Result) -> None:
    """A benchmark of refusals would be worth nothing. Raises RuntimeError when an answer was not 200."""
    if set(result.statuses) != {200}:
        raise RuntimeError(f"{name} answered {result.statuses}, not 200 alone")


async def in_turns(
    contenders: Sequence[Each], rounds: int, measure: Callable[[Each], Awaitable[Seen]]
) -> list[list[Seen]]:
    """What was seen of each contender, round by round. They run side by side and are measured in turns, a short while
    each: a machine that changes its speed changes it for all of them. Whoever is first is not always the same.
    """
    seen: list[list[Seen]] = [[] for _ in contenders]
    for number in range(rounds):
        for place in range(len(contenders)):
            index = (number + place) % len(contenders)
            seen[index].append(await measure(contenders[index]))
    return seen
