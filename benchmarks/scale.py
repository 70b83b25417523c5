"""Cost of an update with more replicas, users and load: `make perf-scale`.

Gateways have core 0; load, stubs and Redis share core 1. Machines differ, so only the ratios are meaningful. CPU is
compared with core 0 saturated and contenders in turns: after an idle gap of only 2 ms a core's caches may be cold, and
an update then costs up to three times as much. For the same reason the replicas of one contender are loaded one after
the other while all of them run, as if each had its own core.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import psutil
import uvloop
from redis.asyncio import Redis

from app.core.settings import Settings
from burst import TIMES, Burst, burst
from costs import CONNECTIONS, WARM_SECONDS, Contender, Cost, compare, table
from known_users import copy_user
from load import Requests, closed_loop, open_loop
from redis_ceiling import updates_per_second
from replicas import GATEWAY_CORE, OTHER_CORE, TOKEN, running
from sandbox.redis_server import RedisServer
from service_stub import ServiceStub

PARTS = ("replicas", "users", "series", "burst", "redis")
REPLICAS = (1, 2, 4)
KNOWN_USERS = (1_000, 1_000_000)
FIRST_KNOWN = 4_000_000
TEMPLATE = 3_999_999
STEADY_SHARE = 0.2
"""Of capacity, so that a tenfold burst is twice the capacity."""


@dataclass(frozen=True)
class Bench:
    """Ports and durations: `port` is the first gateway's, `outside` the stub's; a round lasts `seconds` per replica."""

    port: int
    outside: int
    rounds: int
    seconds: float
    requests: Requests

    async def compare(self, contenders: list[Contender]) -> dict[str, list[Cost]]:
        return await compare(contenders, self.requests, rounds=self.rounds, seconds=self.seconds)


@asynccontextmanager
async def redis() -> AsyncIterator[tuple[RedisServer, Redis]]:
    """Run a server and a client. Rewrites of the append-only file are off, since they would disturb measurements."""
    async with (
        RedisServer(options=["--auto-aof-rewrite-percentage", "0"]) as server,
        Redis.from_url(server.url, socket_timeout=60) as client,
    ):
        yield server, client


async def with_replicas(bench: Bench) -> dict[str, list[Cost]]:
    """Cost of an update with 1, 2 and 4 replicas; all seven run."""
    contenders = []
    async with AsyncExitStack() as stack:
        for number, count in enumerate(REPLICAS):
            server, client = await stack.enter_async_context(redis())
            replicas = await stack.enter_async_context(
                running(count, bench.port + 10 * number, server.url, bench.outside)
            )
            people = [range(1_000_000 + 1_000 * number, 1_001_000 + 1_000 * number) for number in range(count)]
            contenders.append(Contender(str(count), replicas, list(people), client, server.pid or 0))
        return await bench.compare(contenders)


async def with_known_users(bench: Bench) -> tuple[dict[str, list[Cost]], float]:
    """Cost of an update with few and with many known users, and Redis bytes per known user."""
    contenders = []
    size = 0.0
    async with AsyncExitStack() as stack:
        for number, count in enumerate(KNOWN_USERS):
            server, client = await stack.enter_async_context(redis())
            port = bench.port + number
            replicas = await stack.enter_async_context(running(1, port, server.url, bench.outside))
            await open_loop(port, bench.requests, seconds=0.1, rate=10, people=[TEMPLATE])
            # The gauges' shards are written once per second.
            await asyncio.sleep(2.5)
            users = range(FIRST_KNOWN, FIRST_KNOWN + count)
            size = await copy_user(client, TEMPLATE, users)
            contenders.append(Contender(f"{count:,}", replicas, [users], client, server.pid or 0))
        return await bench.compare(contenders), size


async def with_new_users(bench: Bench, server: RedisServer, rate: float) -> tuple[int, int]:
    """Time series of a replica after a thousand users, and the increase after another thousand."""
    async with running(1, bench.port, server.url, bench.outside) as replicas:
        series = []
        for number in range(2):
            people = range(6_000_000 + 1_000 * number, 6_001_000 + 1_000 * number)
            await open_loop(bench.port, bench.requests, seconds=1_000 / rate, rate=rate, people=people)
            series.append(await replicas[0].series())
    return series[0], series[1] - series[0]


async def with_a_burst(bench: Bench, server: RedisServer) -> Burst:
    """A burst of ten times the steady rate, which is a fifth of the replica's capacity."""
    async with running(1, bench.port, server.url, bench.outside) as (replica,):
        await closed_loop(replica.port, bench.requests, seconds=WARM_SECONDS, connections=CONNECTIONS)
        capacity = await closed_loop(replica.port, bench.requests, seconds=8, connections=CONNECTIONS)
        rate = capacity.per_second * STEADY_SHARE
        await open_loop(bench.port, bench.requests, seconds=WARM_SECONDS, rate=rate)
        return await burst(replica, bench.requests, rate)


def burst_table(seen: Burst) -> str:
    """Markdown table of a burst."""
    rows = {
        "steady rate, updates/s": f"{seen.rate:.0f}",
        f"offered in the burst of {TIMES} times that, requests/s": f"{seen.offered:.0f}",
        "served in the burst, updates/s": f"{seen.served:.0f}",
        "statuses seen": ", ".join(map(str, sorted(seen.statuses))),
        "p99 before, ms": f"{seen.steady_p99 * 1000:.1f}",
        "p99 of the served in the burst (worst second), ms": f"{seen.burst_p99 * 1000:.0f}",
        "p99 of the refused in the burst (worst second), ms": f"{seen.refusal_p99 * 1000:.0f}",
        "recovery time, seconds": f"{seen.recovery_seconds}",
        "resident memory before the burst and after it, MiB": f"{seen.memory_before:.0f}, {seen.memory_after:.0f}",
    }
    return "\n".join(["| burst | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())])


async def benchmark(bench: Bench, parts: list[str]) -> None:
    """Run the selected parts."""
    os.sched_setaffinity(0, {OTHER_CORE})
    stub = await asyncio.get_running_loop().create_server(ServiceStub, "127.0.0.1", bench.outside, backlog=1024)
    if "replicas" in parts:
        print(f"\n{table(await with_replicas(bench), 'replicas')}\n", flush=True)
    if "users" in parts:
        costs, size = await with_known_users(bench)
        print(f"\n{table(costs, 'known users')}\n\nRedis: {size:.0f} bytes per known user\n", flush=True)
    async with redis() as (server, client):
        if "series" in parts:
            series, more = await with_new_users(bench, server, rate=200)
            print(f"series: {series} per replica, {more} more for another thousand users\n", flush=True)
        if "burst" in parts:
            print(f"{burst_table(await with_a_burst(bench, server))}\n", flush=True)
        if "redis" in parts:
            await client.flushall()
            psutil.Process(server.pid).cpu_affinity([GATEWAY_CORE])
            settings = Settings(bot_token=TOKEN, redis_url=server.url)
            print(f"one Redis: {await updates_per_second(server, settings, seconds=8):.0f} updates/s", flush=True)
    stub.close()


def _part(name: str) -> str:
    # argparse's `choices` reject, in some Python versions, a default with several values.
    if name not in PARTS:
        raise argparse.ArgumentTypeError(f"{name!r} is none of {', '.join(PARTS)}")
    return name


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "parts", nargs="*", type=_part, default=PARTS, metavar="PART", help=f"of {', '.join(PARTS)} (default: all)"
    )
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=1, help="per replica in a round (default: 1)")
    parser.add_argument("--port", type=int, default=18100)
    parser.add_argument("--outside-port", type=int, default=18091)
    args = parser.parse_args()
    if args.rounds < 2:
        sys.exit("perf-scale: --rounds must be at least 2")
    if (os.cpu_count() or 1) < 2:
        sys.exit("perf-scale: two cores are needed, one for the gateways and one for the rest")
    bench = Bench(args.port, args.outside_port, args.rounds, args.seconds, Requests())
    uvloop.run(benchmark(bench, args.parts))


if __name__ == "__main__":
    main()
