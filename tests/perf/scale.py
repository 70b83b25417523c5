"""What an update costs as the product grows, in one run: `make perf-scale`.

Gateways have core 0; the load, the stand-ins and Redis share core 1. Only the ratios are to be trusted, for machines
differ. CPU is compared with core 0 fully used, the contenders in turns: a core that rests in between, if only for 2 ms,
finds its caches cold where others use them too, and an update then costs up to three times as much. For the same reason
the replicas of one contender are loaded one after the other, all of them running: as if each had a core of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import random
import statistics
import sys
from dataclasses import dataclass, fields

import psutil
import uvloop
from burst import TIMES, Burst, burst
from known_users import remember_users
from load import Requests, closed_loop, open_loop
from redis.asyncio import Redis
from redis_ceiling import updates_a_second
from replicas import GATEWAY_CORE, OTHER_CORE, TOKEN, Replica, running
from stand_in import StandIn

from app.core.settings import Settings
from sandbox.redis_server import RedisServer

PARTS = ("replicas", "users", "series", "burst", "redis")
REPLICAS = (1, 2, 4)
KNOWN_USERS = (1_000, 1_000_000)
FIRST_KNOWN = 4_000_000
TEMPLATE = 3_999_999
CONNECTIONS = 32
"""To each replica, each with one update in hand: enough to use the core up, and well below `MAX_IN_FLIGHT`."""
STEADY_SHARE = 0.2
"""Of capacity, so that ten times as much is double of it."""
WARM_SECONDS = 4.0


@dataclass(frozen=True)
class Cost:
    """Of one update: CPU µs of gateways and Redis, scripts called and writes that reached Redis."""

    gateway: float
    redis: float
    scripts: float
    round_trips: float


class Bench:
    """One Redis and what is measured on it; `port` is the first gateway's, `outside` the stand-in's."""

    def __init__(self, server: RedisServer, *, port: int, outside: int, seconds: float) -> None:
        self.server = server
        self.client: Redis = Redis.from_url(server.url)
        self.port = port
        self.outside = outside
        self.seconds = seconds
        self.requests = Requests()

    async def capacity(self) -> float:
        """Updates a second of one replica on its core."""
        async with running(1, self.port, self.server.url, self.outside, MAX_IN_FLIGHT="1000") as (replica,):
            await closed_loop(replica.port, self.requests, seconds=WARM_SECONDS, connections=64)
            result = await closed_loop(replica.port, self.requests, seconds=self.seconds, connections=64)
        return result.per_second

    async def cost(self, replicas: list[Replica], people: list[range]) -> Cost:
        """Of updates that come to each replica in its turn as fast as it takes them, from people of its own. All that
        the others use up meanwhile is counted.
        """
        await self._load(replicas, people, WARM_SECONDS)
        before = await self._counters(replicas)
        updates = await self._load(replicas, people, self.seconds)
        after = await self._counters(replicas)
        gateway, redis, scripts, reads = [(b - a) / updates for a, b in zip(before, after, strict=True)]
        return Cost(gateway * 1e6, redis * 1e6, scripts, reads)

    async def _load(self, replicas: list[Replica], people: list[range], seconds: float) -> int:
        results = [
            await closed_loop(
                *(replica.port, self.requests),
                seconds=seconds / len(replicas),
                connections=CONNECTIONS,
                people=_shuffled(users),
            )
            for replica, users in zip(replicas, people, strict=True)
        ]
        if any(set(result.statuses) != {200} for result in results):
            raise RuntimeError(f"answered {[result.statuses for result in results]}, not 200 alone")
        return sum(result.updates for result in results)

    async def _counters(self, replicas: list[Replica]) -> tuple[float, ...]:
        times = psutil.Process(self.server.pid).cpu_times()
        stats = await self.client.info("stats")
        commands = await self.client.info("commandstats")
        return (
            sum(replica.cpu_seconds for replica in replicas),
            float(times.user + times.system),
            float(commands.get("cmdstat_evalsha", {}).get("calls", 0)),
            float(stats["total_reads_processed"]),
        )


def _shuffled(users: range) -> list[int]:
    """Some of them in any order, none twice in a row."""
    return random.sample(users, min(len(users), 50_000))


async def with_replicas(bench: Bench, rounds: int) -> dict[int, list[Cost]]:
    """The cost of an update with 1, 2 and 4 replicas, in turns."""
    costs: dict[int, list[Cost]] = {count: [] for count in REPLICAS}
    for _, count in itertools.product(range(rounds), REPLICAS):
        people = [range(1_000_000 + 1_000 * number, 1_001_000 + 1_000 * number) for number in range(count)]
        async with running(count, bench.port, bench.server.url, bench.outside) as replicas:
            costs[count].append(await bench.cost(replicas, people))
        print(f"{count} replicas: {costs[count][-1]}", flush=True)
    return costs


async def with_known_users(bench: Bench, rounds: int) -> tuple[dict[int, list[Cost]], float]:
    """The cost of an update of known users, few and many in turns where Redis is filled; and the bytes of each."""
    costs: dict[int, list[Cost]] = {count: [] for count in KNOWN_USERS}
    size = 0.0
    for _ in range(rounds):
        for count in KNOWN_USERS:
            # By itself it would free the many in the background, while the few are weighed.
            await bench.client.execute_command("FLUSHALL", "SYNC")
            async with running(1, bench.port, bench.server.url, bench.outside) as replicas:
                await open_loop(bench.port, bench.requests, seconds=0.1, rate=10, people=[TEMPLATE])
                # The gauges' shards are written once a second.
                await asyncio.sleep(2.5)
                users = range(FIRST_KNOWN, FIRST_KNOWN + count)
                size = await remember_users(bench.client, TEMPLATE, users)
                costs[count].append(await bench.cost(replicas, [users]))
            print(f"{count} known users: {costs[count][-1]}, {size:.0f} bytes each", flush=True)
    return costs, size


async def with_new_users(bench: Bench, rate: float) -> tuple[int, int]:
    """Series of a replica after a thousand users, and how many more after another thousand."""
    async with running(1, bench.port, bench.server.url, bench.outside) as replicas:
        series = []
        for number in range(2):
            people = range(6_000_000 + 1_000 * number, 6_001_000 + 1_000 * number)
            await open_loop(bench.port, bench.requests, seconds=1_000 / rate, rate=rate, people=people)
            series.append(await replicas[0].series())
    return series[0], series[1] - series[0]


async def with_a_burst(bench: Bench, rate: float) -> Burst:
    """Ten times this rate for some seconds on one replica."""
    async with running(1, bench.port, bench.server.url, bench.outside) as (replica,):
        await open_loop(bench.port, bench.requests, seconds=WARM_SECONDS, rate=rate)
        return await burst(replica, bench.requests, rate)


def _median(costs: list[Cost]) -> Cost:
    return Cost(*(statistics.median(getattr(cost, field.name) for cost in costs) for field in fields(Cost)))


def table(costs: dict[int, list[Cost]], what: str) -> str:
    """Of an update: medians, and the ratio of the gateway's CPU to the first row's, round by round; as Markdown."""
    lines = [
        f"| {what} | gateway CPU µs | ratio | Redis CPU µs | scripts | round trips |",
        "|---|---|---|---|---|---|",
    ]
    first = next(iter(costs.values()))
    for name, rounds in costs.items():
        ratio = statistics.median(a.gateway / b.gateway for a, b in zip(rounds, first, strict=True))
        cost = _median(rounds)
        lines.append(
            f"| {name:,} | {cost.gateway:.0f} | {ratio:.3f} | {cost.redis:.0f} | {cost.scripts:.2f} "
            f"| {cost.round_trips:.2f} |"
        )
    return "\n".join(lines)


def burst_table(seen: Burst) -> str:
    """What the burst did, as Markdown."""
    rows = {
        "steady rate, updates/s": f"{seen.rate:.0f}",
        f"offered in the burst of {TIMES} times that, requests/s": f"{seen.offered:.0f}",
        "served in the burst, updates/s": f"{seen.served:.0f}",
        "statuses seen": ", ".join(map(str, sorted(seen.statuses))),
        "p99 before, ms": f"{seen.steady_p99 * 1000:.1f}",
        "p99 of the served in the burst (worst second), ms": f"{seen.burst_p99 * 1000:.0f}",
        "p99 of the refused in the burst (worst second), ms": f"{seen.refusal_p99 * 1000:.0f}",
        "seconds until all was as before": f"{seen.recovery_seconds}",
        "resident memory before the burst and after it, MiB": f"{seen.memory_before:.0f}, {seen.memory_after:.0f}",
    }
    return "\n".join(["| burst | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


async def benchmark(args: argparse.Namespace) -> None:
    """Run the parts that were asked for."""
    os.sched_setaffinity(0, {OTHER_CORE})
    server = await asyncio.get_running_loop().create_server(StandIn, "127.0.0.1", args.outside_port, backlog=1024)
    # Of a million users the append-only file would be rewritten in the middle of a measurement.
    with RedisServer(options=["--auto-aof-rewrite-percentage", "0"]) as redis:
        bench = Bench(redis, port=args.port, outside=args.outside_port, seconds=args.seconds)
        capacity = await bench.capacity()
        rate = capacity * STEADY_SHARE
        print(f"one replica on its core: {capacity:.0f} updates/s\n", flush=True)
        if "replicas" in args.parts:
            print(f"\n{table(await with_replicas(bench, args.rounds), 'replicas')}\n", flush=True)
        if "users" in args.parts:
            costs, size = await with_known_users(bench, args.rounds)
            print(f"\n{table(costs, 'known users')}\n\nRedis: {size:.0f} bytes a known user\n", flush=True)
        if "series" in args.parts:
            series, more = await with_new_users(bench, rate)
            print(f"series: {series} a replica, {more} more for another thousand users\n", flush=True)
        if "burst" in args.parts:
            print(f"{burst_table(await with_a_burst(bench, rate))}\n", flush=True)
        if "redis" in args.parts:
            await bench.client.flushall()
            psutil.Process(redis.pid).cpu_affinity([GATEWAY_CORE])
            settings = Settings(bot_token=TOKEN, redis_url=redis.url)
            print(f"one Redis: {await updates_a_second(redis, settings, args.seconds):.0f} updates/s", flush=True)
        await bench.client.aclose()
    server.close()


def _part(name: str) -> str:
    # argparse's own `choices` refuse, in some versions of Python, a default that is more than one of them.
    if name not in PARTS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(PARTS)}")
    return name


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "parts", nargs="*", type=_part, default=PARTS, metavar="PART", help=f"of {', '.join(PARTS)} (default: all)"
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--port", type=int, default=18100)
    parser.add_argument("--outside-port", type=int, default=18091)
    args = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        sys.exit("perf-scale: two cores are needed, one for the gateways and one for the rest")
    uvloop.run(benchmark(args))


if __name__ == "__main__":
    main()
