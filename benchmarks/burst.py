"""Ten times the steady rate for some seconds: what is refused, what the rest waits, how soon all is as before."""

from __future__ import annotations

import asyncio
import itertools
import statistics
import time
from dataclasses import dataclass, field

from load import Connection, Requests, connect
from replicas import Replica

STEADY_SECONDS, BURST_SECONDS, AFTER_SECONDS = 8, 5, 10
TIMES = 10
USERS = range(2_000_000, 2_020_000)
"""So many that no two updates of one of them are under way at once."""


@dataclass
class Second:
    """The requests that were due in one second, and how many were sent in it, which are fewer if the load lags."""

    latencies: dict[int, list[float]] = field(default_factory=dict)
    sent: int = 0

    def count(self, status: int) -> int:
        return len(self.latencies.get(status, ()))

    def p99(self, status: int = 200) -> float:
        found = self.latencies.get(status, [])
        return statistics.quantiles(found, n=100)[98] if len(found) > 1 else 0.0


@dataclass(frozen=True)
class Burst:
    """What was seen. Latencies in seconds from when a request was due. Resident memory in MiB, right before the burst
    and at the end of the calm after it.
    """

    rate: float
    seconds: list[Second]
    statuses: set[int]
    memory_before: float
    memory_after: float

    def _phase(self, first: int, length: int) -> list[Second]:
        return self.seconds[first : first + length]

    @property
    def steady_p99(self) -> float:
        return statistics.median(second.p99() for second in self._phase(2, STEADY_SECONDS - 2))

    @property
    def burst_p99(self) -> float:
        """Of those that were served."""
        return max(second.p99() for second in self._phase(STEADY_SECONDS, BURST_SECONDS))

    @property
    def refusal_p99(self) -> float:
        return max(second.p99(503) for second in self._phase(STEADY_SECONDS, BURST_SECONDS))

    @property
    def offered(self) -> float:
        """Requests a second that were sent in the burst."""
        return sum(second.sent for second in self._burst()) / BURST_SECONDS

    @property
    def served(self) -> float:
        """Updates a second in the burst."""
        return sum(second.count(200) for second in self._burst()) / BURST_SECONDS

    @property
    def recovery_seconds(self) -> int:
        """Seconds after the burst until one with no refusal and a p99 at most double the steady one."""
        after = self._phase(STEADY_SECONDS + BURST_SECONDS, AFTER_SECONDS)
        for number, second in enumerate(after):
            if not second.count(503) and second.p99() <= 2 * self.steady_p99:
                return number
        return AFTER_SECONDS

    def _burst(self) -> list[Second]:
        return self._phase(STEADY_SECONDS, BURST_SECONDS)


async def burst(replica: Replica, requests: Requests, rate: float) -> Burst:
    """Run it against one gateway; `rate` is the steady one, updates a second."""
    phases = [(STEADY_SECONDS, rate), (BURST_SECONDS, rate * TIMES), (AFTER_SECONDS, rate)]
    seconds = [Second() for _ in range(STEADY_SECONDS + BURST_SECONDS + AFTER_SECONDS)]
    users = itertools.cycle(USERS)
    free: list[Connection] = []
    tasks: list[asyncio.Task[None]] = []
    statuses: set[int] = set()

    async def one(due: float, second: Second) -> None:
        connection = free.pop() if free else await connect(replica.port)
        seconds[min(int(time.perf_counter() - start), len(seconds) - 1)].sent += 1
        status = await connection.ask(requests.next(next(users)))
        second.latencies.setdefault(status, []).append(time.perf_counter() - due)
        statuses.add(status)
        if connection.usable:
            free.append(connection)

    memory: list[float] = []
    start = time.perf_counter()
    begun = 0.0
    for length, pace in phases:
        memory.append(replica.resident_mebibytes)
        for number in range(int(length * pace)):
            at = begun + number / pace
            if (wait := start + at - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            tasks.append(asyncio.create_task(one(start + at, seconds[int(at)])))
        begun += length
    await asyncio.gather(*tasks)
    _, before_burst, _ = memory
    return Burst(rate, seconds, statuses, before_burst, replica.resident_mebibytes)
