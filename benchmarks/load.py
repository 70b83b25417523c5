"""Webhook load: one request per connection at a time (closed loop), or a fixed rate (open loop)."""

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
    """Results of one run. Latencies in seconds from when a request was due."""

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
    """HTTP requests with updates of increasing ids."""

    def __init__(self) -> None:
        self._ids = itertools.count(int(time.time()) * 10)

    def next(self, user: int) -> bytes:
        """Return an HTTP request with the command /help of `user`."""
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
        self._response: asyncio.Future[int] | None = None
        self._closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpResponseParser(self)

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        self._closing = not self._parser.should_keep_alive()
        if self._response is not None and not self._response.done():
            self._response.set_result(self._parser.get_status_code())

    def connection_lost(self, exc: Exception | None) -> None:
        self._closing = True
        if self._response is not None and not self._response.done():
            self._response.set_exception(exc or ConnectionResetError("closed"))

    async def request(self, raw: bytes) -> int:
        """Send a request and return the response's status."""
        self._response = asyncio.get_running_loop().create_future()
        self._transport.write(raw)
        return await self._response

    def close(self) -> None:
        self._transport.close()

    @property
    def usable(self) -> bool:
        """False once the server has closed the connection or announced it."""
        return not self._closing


async def connect(port: int) -> Connection:
    """Open a connection."""
    return (await asyncio.get_running_loop().create_connection(Connection, "127.0.0.1", port))[1]


async def closed_loop(
    port: int, requests: Requests, *, seconds: float, connections: int, people: Sequence[int] = PEOPLE
) -> Result:
    """Each connection sends the next request after each response, cycling through its share of `people`."""
    statuses: collections.Counter[int] = collections.Counter()
    latencies: list[float] = []
    start = time.perf_counter()

    async def worker(first: int) -> None:
        connection = await connect(port)
        users = itertools.cycle(people[first::connections])
        while (started := time.perf_counter()) - start < seconds:
            if not connection.usable:
                connection = await connect(port)
            statuses[await connection.request(requests.next(next(users)))] += 1
            latencies.append(time.perf_counter() - started)
        connection.close()

    await asyncio.gather(*(worker(number) for number in range(connections)))
    return Result(sum(statuses.values()), time.perf_counter() - start, dict(statuses), latencies)


async def open_loop(
    port: int, requests: Requests, *, seconds: float, rate: float, people: Iterable[int] = PEOPLE
) -> Result:
    """A request is due every 1/rate seconds, cycling through `people`; waiting for a connection counts as latency."""
    statuses: collections.Counter[int] = collections.Counter()
    latencies: list[float] = []
    free: list[Connection] = []
    users = itertools.cycle(people)
    tasks: list[asyncio.Task[None]] = []

    async def one(due: float, user: int) -> None:
        connection = free.pop() if free else await connect(port)
        statuses[await connection.request(requests.next(user))] += 1
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
    """Raise RuntimeError unless every response was 200: the speed of refusals is not the measurement."""
    if set(result.statuses) != {200}:
        raise RuntimeError(f"{name} responded {result.statuses}, expected only 200")


async def in_turns(
    contenders: Sequence[Each], rounds: int, measure: Callable[[Each], Awaitable[Seen]]
) -> list[list[Seen]]:
    """Measure contenders in turns and return results per contender and round.

    All run side by side and turns are short, so that changes of the machine's speed affect all of them. The order
    rotates.
    """
    seen: list[list[Seen]] = [[] for _ in contenders]
    for number in range(rounds):
        for place in range(len(contenders)):
            index = (number + place) % len(contenders)
            seen[index].append(await measure(contenders[index]))
    return seen
