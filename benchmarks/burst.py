"""Ten times the steady rate for some seconds: refused updates, latency of the others, and recovery time."""

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
"""Enough users that no two updates of one user are in flight at once."""


@dataclass
class Second:
    """The requests due in one second, and how many were sent in it; fewer if the load generator lags."""

    latencies: dict[int, list[float]] = field(default_factory=dict)
    sent: int = 0

    def count(self, status: int) -> int:
        return len(self.latencies.get(status, ()))

    def p99(self, status: int = 200) -> float:
        found = self.latencies.get(status, [])
        return statistics.quantiles(found, n=100)[98] if len(found) > 1 else 0.0


@dataclass(frozen=True)
class Burst:
    """Results of a burst. Latencies in seconds from when a request was due; resident memory in MiB, directly before the
    burst and at the end of the steady phase after it.
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
        """p99 of the served updates."""
        return max(second.p99() for second in self._phase(STEADY_SECONDS, BURST_SECONDS))

    @property
    def refusal_p99(self) -> float:
        return max(second.p99(503) for second in self._phase(STEADY_SECONDS, BURST_SECONDS))

    @property
    def offered(self) -> float:
        """Requests per second sent in the burst."""
        return sum(second.sent for second in self._burst()) / BURST_SECONDS

    @property
    def served(self) -> float:
        """Updates per second handled in the burst."""
        return sum(second.count(200) for second in self._burst()) / BURST_SECONDS

    @property
    def recovery_seconds(self) -> int:
        """Seconds from the burst to the first second without refusals and a p99 of at most twice the steady one."""
        after = self._phase(STEADY_SECONDS + BURST_SECONDS, AFTER_SECONDS)
        for number, second in enumerate(after):
            if not second.count(503) and second.p99() <= 2 * self.steady_p99:
                return number
        return AFTER_SECONDS

    def _burst(self) -> list[Second]:
        return self._phase(STEADY_SECONDS, BURST_SECONDS)


async def burst(replica: Replica, requests: Requests, rate: float) -> Burst:
    """Run a burst against one gateway; `rate` is the steady rate in updates per second."""
    phases = [(STEADY_SECONDS, rate), (BURST_SECONDS, rate * TIMES), (AFTER_SECONDS, rate)]
    seconds = [Second() for _ in range(STEADY_SECONDS + BURST_SECONDS + AFTER_SECONDS)]
    users = itertools.cycle(USERS)
    free: list[Connection] = []
    tasks: list[asyncio.Task[None]] = []
    statuses: set[int] = set()

    async def one(due: float, second: Second) -> None:
        connection = free.pop() if free else await connect(replica.port)
        seconds[min(int(time.perf_counter() - start), len(seconds) - 1)].sent += 1
        status = await connection.request(requests.next(next(users)))
        second.latencies.setdefault(status, []).append(time.perf_counter() - due)
        statuses.add(status)
        if connection.usable:
            free.append(connection)

    memory: list[float] = []
    start = time.perf_counter()
    phase_start = 0.0
    for length, pace in phases:
        memory.append(replica.resident_mebibytes)
        for number in range(int(length * pace)):
            at = phase_start + number / pace
            if (wait := start + at - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            tasks.append(asyncio.create_task(one(start + at, seconds[int(at)])))
        phase_start += length
    await asyncio.gather(*tasks)
    _, before_burst, _ = memory
    return Burst(rate, seconds, statuses, before_burst, replica.resident_mebibytes)
