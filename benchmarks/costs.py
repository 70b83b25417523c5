"""What an update costs gateways that differ in one thing, loaded in turns."""

from __future__ import annotations

import asyncio
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, fields

import psutil
from redis.asyncio import Redis

from load import Requests, closed_loop, in_turns, require_success
from replicas import Replica

CONNECTIONS = 32
"""To each replica, each with one update in hand: enough to use the core up, and well below `MAX_IN_FLIGHT`."""
WARM_SECONDS = 4.0


@dataclass(frozen=True)
class Cost:
    """Of one update: CPU µs of gateways and Redis, scripts called and writes that reached Redis."""

    gateway: float
    redis: float
    scripts: float
    round_trips: float


@dataclass(frozen=True)
class Contender:
    """Replicas with people of their own on a Redis of their own, whose process is `redis_pid`."""

    name: str
    replicas: list[Replica]
    people: list[Sequence[int]]
    client: Redis
    redis_pid: int

    async def cost(self, requests: Requests, seconds: float) -> Cost:
        """Of updates that come to each replica in its turn as fast as it takes them, from its people in any order. All
        that the others use up meanwhile is counted. Raises RuntimeError when an answer was not 200.
        """
        before = await self._counters()
        updates = 0
        for replica, people in zip(self.replicas, self.people, strict=True):
            result = await closed_loop(
                *(replica.port, requests),
                seconds=seconds,
                connections=CONNECTIONS,
                people=random.sample(people, min(len(people), 50_000)),
            )
            require_success(self.name, result)
            updates += result.updates
        after = await self._counters()
        gateway, redis, scripts, reads = [(b - a) / updates for a, b in zip(before, after, strict=True)]
        return Cost(gateway * 1e6, redis * 1e6, scripts, reads)

    async def _counters(self) -> tuple[float, ...]:
        times = psutil.Process(self.redis_pid).cpu_times()
        stats = await self.client.info("stats")
        commands = await self.client.info("commandstats")
        return (
            sum(replica.cpu_seconds for replica in self.replicas),
            float(times.user + times.system),
            float(commands.get("cmdstat_evalsha", {}).get("calls", 0)),
            float(stats["total_reads_processed"]),
        )


async def compare(
    contenders: Sequence[Contender], requests: Requests, *, rounds: int, seconds: float
) -> dict[str, list[Cost]]:
    """The costs of each contender, round by round, after it has become warm."""
    for contender in contenders:
        await contender.cost(requests, WARM_SECONDS)
    # What came up on Redis meanwhile.
    await asyncio.sleep(1)
    costs = await in_turns(contenders, rounds, lambda contender: contender.cost(requests, seconds))
    return {contender.name: costs[number] for number, contender in enumerate(contenders)}


def _spread(values: Sequence[float]) -> str:
    lower, middle, upper = statistics.quantiles(values, n=4)
    return f"{middle:.3f} ({lower:.3f} to {upper:.3f})"


def table(costs: dict[str, list[Cost]], what: str) -> str:
    """Of an update: medians, and the ratio of the gateway's CPU to the first row's, round by round, with the quarters
    of the rounds below and above; as Markdown.
    """
    lines = [
        f"| {what} | gateway CPU µs | ratio (half of the rounds) | Redis CPU µs | scripts | round trips |",
        "|---|---|---|---|---|---|",
    ]
    first = next(iter(costs.values()))
    for name, rounds in costs.items():
        ratio = _spread([a.gateway / b.gateway for a, b in zip(rounds, first, strict=True)])
        cost = Cost(*(statistics.median(getattr(cost, field.name) for cost in rounds) for field in fields(Cost)))
        lines.append(
            f"| {name} | {cost.gateway:.0f} | {ratio} | {cost.redis:.0f} | {cost.scripts:.2f} "
            f"| {cost.round_trips:.2f} |"
        )
    return "\n".join(lines)
