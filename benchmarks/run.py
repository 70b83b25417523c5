"""The gateway as shipped against aiogram and against no framework at all, in one run: `make perf`.

One core runs the bots, the other this process (load, Bot API stub, Redis, trace collector). All contenders run side by
side and are loaded in turns; idle ones cost almost nothing. The table shows medians, and medians of the ratios within a
round. p99 is measured at the same two rates for all: 50 % and 90 % of bare aiogram's throughput, which is 40 to 55 % of
the gateway's.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import platform
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from pathlib import Path

import httpx
import psutil
import uvloop

from collector import collector
from load import Requests, closed_loop, in_turns, open_loop, require_success
from sandbox.redis_server import RedisServer
from service_stub import ServiceStub

HERE = Path(__file__).parent
TOKEN = "42:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
CONNECTIONS = 100
"""As many as Telegram opens to a webhook (`max_connections` is at most 100). With 64 the gateway's core was idle 7 % of
the time, because requests that wait for the same Redis reply continue together."""

WARM_SECONDS = 3.0
BASELINE = "aiogram + uvloop"
WITH_REDIS = "aiogram + Redis storage + isolation"
SHARES = (0.5, 0.9)
"""Shares of the baseline's throughput at which p99 is measured."""


@dataclass(frozen=True)
class Contender:
    """A program to measure: command and environment."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]


@dataclass(frozen=True)
class Running:
    """A contender that listens on `port`."""

    contender: Contender
    port: int
    process: psutil.Process


@dataclass(frozen=True)
class FullLoad:
    """Result at full load: updates per second, and CPU µs per update."""

    throughput: float
    cpu: float


def contenders(redis_url: str, outside: int, traces: int = 4317) -> list[Contender]:
    """Return all contenders; each talks to the stub on port `outside`, the gateway also to a collector on `traces`."""
    bare = (sys.executable, str(HERE / "contenders" / "bare_aiogram.py"))
    base = f"http://127.0.0.1:{outside}"
    gateway = {
        "REDIS_URL": redis_url,
        "AUTH_SERVICE_URL": base,
        "TRACING_SAMPLE_RATIO": "0.1",
        "JAEGER_HOST": "127.0.0.1",
        "JAEGER_PORT": str(traces),
        "RATE_LIMIT_BURST": "1000000",
        "RATE_LIMIT_PER_SECOND": "1000000",
        # The others have no limit either.
        "MAX_IN_FLIGHT": "1000",
        "TELEGRAM_MESSAGES_PER_SECOND": "0",
        "LOG_LEVEL": "WARNING",
    }
    return [
        Contender(BASELINE, bare, {}),
        Contender("the gateway", (sys.executable, "-m", "app"), gateway),
        Contender(WITH_REDIS, bare, {"REDIS_URL": redis_url}),
        Contender("aiohttp by hand", (sys.executable, str(HERE / "contenders" / "bare_aiohttp.py")), {}),
    ]


@asynccontextmanager
async def running(contender: Contender, port: int, outside: int) -> AsyncIterator[psutil.Process]:
    """Run a contender on core 0 until it responds."""
    environment = (
        os.environ
        | contender.environment
        | {
            "BOT_TOKEN": TOKEN,
            "TELEGRAM_API_BASE": f"http://127.0.0.1:{outside}",
            "PORT": str(port),
            "HOST": "127.0.0.1",
        }
    )
    process = await asyncio.create_subprocess_exec(*contender.command, env=environment)
    psutil_process = psutil.Process(process.pid)
    psutil_process.cpu_affinity([0])
    try:
        async with httpx.AsyncClient() as client:
            for _ in range(200):
                try:
                    await client.get(f"http://127.0.0.1:{port}/readyz")
                    break
                except httpx.TransportError:
                    await asyncio.sleep(0.1)
        yield psutil_process
    finally:
        process.terminate()
        await process.wait()


async def full_load(running: Running, requests: Requests, seconds: float) -> FullLoad:
    """Load one contender in a closed loop; each update must send a message."""
    sends, before = ServiceStub.sends, running.process.cpu_times()
    result = await closed_loop(running.port, requests, seconds=seconds, connections=CONNECTIONS)
    after = running.process.cpu_times()
    require_success(running.contender.name, result)
    if ServiceStub.sends - sends < result.updates:
        raise RuntimeError(
            f"{running.contender.name} sent {ServiceStub.sends - sends} messages for {result.updates} updates"
        )
    cpu = after.user + after.system - before.user - before.system
    return FullLoad(result.per_second, cpu / result.updates * 1e6)


async def tail(running: Running, requests: Requests, seconds: float, rate: float) -> float:
    """Return p99 in ms at this rate."""
    result = await open_loop(running.port, requests, seconds=seconds, rate=rate)
    require_success(running.contender.name, result)
    return result.quantile(0.99) * 1000


def against(values: list[float], base: list[float]) -> str:
    """Median of the ratios per round."""
    return f"{statistics.median(value / other for value, other in zip(values, base, strict=True)):.2f}"


def throughput_table(flat: dict[str, list[FullLoad]]) -> str:
    """Markdown table of medians and ratios."""
    lines = [
        "| contender | updates/s | × aiogram | × with Redis | CPU µs/update | × aiogram | × with Redis |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, rounds in flat.items():
        served, cpu = [one.throughput for one in rounds], [one.cpu for one in rounds]
        cells = [f"{statistics.median(served):.0f}"]
        cells += [against(served, [one.throughput for one in flat[base]]) for base in (BASELINE, WITH_REDIS)]
        cells += [f"{statistics.median(cpu):.0f}"]
        cells += [against([one.cpu for one in flat[base]], cpu) for base in (BASELINE, WITH_REDIS)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def tail_table(tails: dict[float, dict[str, list[float]]]) -> str:
    """Markdown table of median p99 at each rate and its ratio to the baseline's."""
    lines = ["| p99 ms | updates/s | p99 | ÷ aiogram's |", "|---|---|---|---|"]
    for rate, seen in tails.items():
        for name, rounds in seen.items():
            lines.append(
                f"| {name} | {rate:.0f} | {statistics.median(rounds):.1f} | {against(rounds, seen[BASELINE])} |"
            )
    return "\n".join(lines)


async def measure(all_running: list[Running], rounds: int, seconds: float) -> str:
    """Measure all contenders and return both tables."""
    requests = Requests()
    for running in all_running:
        await full_load(running, requests, WARM_SECONDS)
    names = [running.contender.name for running in all_running]
    seen = await in_turns(all_running, rounds, lambda running: full_load(running, requests, seconds))
    flat = dict(zip(names, seen, strict=True))
    throughput = {name: statistics.median(one.throughput for one in flat[name]) for name in names}
    tails: dict[float, dict[str, list[float]]] = {}
    for rate in (share * throughput[BASELINE] for share in SHARES):
        # Close to its maximum throughput a contender only shows how its queue grows.
        able = [running for running in all_running if rate < 0.95 * throughput[running.contender.name]]
        waits = await in_turns(able, 5, partial(tail, requests=requests, seconds=5, rate=rate))
        tails[rate] = {running.contender.name: waits[number] for number, running in enumerate(able)}
    return f"{throughput_table(flat)}\n\n{tail_table(tails)}"


async def benchmark(rounds: int, seconds: float, port: int, outside: int) -> str:
    """Start all contenders and return the tables."""
    os.sched_setaffinity(0, {1})
    # GC pauses of this process would add to the contenders' latencies, and it leaves little cyclic garbage.
    gc.disable()
    server = await asyncio.get_running_loop().create_server(ServiceStub, "127.0.0.1", outside, backlog=1024)
    with RedisServer() as redis, collector() as traces:
        all_running = []
        async with AsyncExitStack() as stack:
            for number, contender in enumerate(contenders(redis.url, outside, traces)):
                process = await stack.enter_async_context(running(contender, port + number, outside))
                all_running.append(Running(contender, port + number, process))
            tables = await measure(all_running, rounds, seconds)
    server.close()
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=24)
    parser.add_argument("--seconds", type=float, default=1, help="of each contender in a round (default: 1)")
    parser.add_argument("--port", type=int, default=18000)
    parser.add_argument("--outside-port", type=int, default=18081)
    args = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        sys.exit("perf: two cores are needed, one for the bot and one for the load")
    print(f"Python {platform.python_version()}, aiogram {version('aiogram')}, aiohttp {version('aiohttp')}\n")
    print(uvloop.run(benchmark(args.rounds, args.seconds, args.port, args.outside_port)))


if __name__ == "__main__":
    main()
