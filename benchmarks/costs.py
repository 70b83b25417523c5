"""Cost of an update for gateways that differ in one parameter, loaded in turns."""

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
"""Per replica, each with one update in flight: enough to saturate the core, and well below `MAX_IN_FLIGHT`."""
WARM_SECONDS = 4.0


@dataclass(frozen=True)
class Cost:
    """Cost of one update: CPU µs of gateways and Redis, script calls, and reads that Redis processed."""

    gateway: float
    redis: float
    scripts: float
    round_trips: float


@dataclass(frozen=True)
class Contender:
    """Replicas with their own users and their own Redis, whose process is `redis_pid`."""

    name: str
    replicas: list[Replica]
    people: list[Sequence[int]]
    client: Redis
    redis_pid: int

    async def cost(self, requests: Requests, seconds: float) -> Cost:
        """Load each replica in turn in a closed loop, users in random order. CPU of the idle replicas counts too.
        Raises RuntimeError if a response was not 200.
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
    """Costs of each contender per round, after a warm-up."""
    for contender in contenders:
        await contender.cost(requests, WARM_SECONDS)
    # Let Redis finish background work of the warm-up.
    await asyncio.sleep(1)
    costs = await in_turns(contenders, rounds, lambda contender: contender.cost(requests, seconds))
    return {contender.name: costs[number] for number, contender in enumerate(contenders)}


def _spread(values: Sequence[float]) -> str:
    lower, middle, upper = statistics.quantiles(values, n=4)
    return f"{middle:.3f} ({lower:.3f} to {upper:.3f})"


def table(costs: dict[str, list[Cost]], what: str) -> str:
    """Markdown table: medians per update, and the ratio of the gateway's CPU to the first row's in the same round with
    the lower and upper quartile.
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
