"""The gateway as shipped against aiogram and against no framework at all, in one run: `make perf`.

One core carries the bots, the other this process (load, Bot API, Redis, a collector that takes the traces). All
contenders run side by side and are loaded in turns, the idle ones costing next to nothing; the table shows medians, and
medians of the ratios to others in the same round. p99 is taken at two rates, the same for all: half of bare aiogram's
throughput, and nine tenths of it, which is 40 to 55 % of the gateway's.
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
from stand_in import StandIn

HERE = Path(__file__).parent
TOKEN = "42:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
CONNECTIONS = 100
"""As many as Telegram opens to a webhook (`max_connections` is at most 100). With 64 the gateway's core rested for 7 %
of the time, because requests that wait for one Redis answer move on together."""

WARM_SECONDS = 3.0
BASELINE = "aiogram + uvloop"
WITH_REDIS = "aiogram + Redis storage + isolation"
SHARES = (0.5, 0.9)
"""Of the baseline's throughput, where p99 is taken."""


@dataclass(frozen=True)
class Contender:
    """A program to measure: what to run and its own environment."""

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
class Flat:
    """Flat out: updates a second, and CPU µs an update."""

    throughput: float
    cpu: float


def contenders(redis_url: str, outside: int, traces: int = 4317) -> list[Contender]:
    """All of them; each talks to the stand-in on port `outside`, the gateway also to a collector on port `traces`."""
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
        # The others have no bound either.
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
    """The contender on core 0, listening."""
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


async def flat_out(running: Running, requests: Requests, seconds: float) -> Flat:
    """One contender with as many connections as it likes to be kept busy by; each update sends a message."""
    sends, before = StandIn.sends, running.process.cpu_times()
    result = await closed_loop(running.port, requests, seconds=seconds, connections=CONNECTIONS)
    after = running.process.cpu_times()
    require_success(running.contender.name, result)
    if StandIn.sends - sends < result.updates:
        raise RuntimeError(
            f"{running.contender.name} sent {StandIn.sends - sends} messages for {result.updates} updates"
        )
    cpu = after.user + after.system - before.user - before.system
    return Flat(result.per_second, cpu / result.updates * 1e6)


async def tail(running: Running, requests: Requests, seconds: float, rate: float) -> float:
    """p99 in ms at this rate."""
    result = await open_loop(running.port, requests, seconds=seconds, rate=rate)
    require_success(running.contender.name, result)
    return result.quantile(0.99) * 1000


def against(values: list[float], base: list[float]) -> str:
    """The median of the ratios, round by round."""
    return f"{statistics.median(value / other for value, other in zip(values, base, strict=True)):.2f}"


def throughput_table(flat: dict[str, list[Flat]]) -> str:
    """Medians and ratios as Markdown."""
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
    """Median p99 at each rate, and its ratio to the baseline's, as Markdown."""
    lines = ["| p99 ms | updates/s | p99 | ÷ aiogram's |", "|---|---|---|---|"]
    for rate, seen in tails.items():
        for name, rounds in seen.items():
            lines.append(
                f"| {name} | {rate:.0f} | {statistics.median(rounds):.1f} | {against(rounds, seen[BASELINE])} |"
            )
    return "\n".join(lines)


async def measure(everyone: list[Running], rounds: int, seconds: float) -> str:
    """Both tables."""
    requests = Requests()
    for running in everyone:
        await flat_out(running, requests, WARM_SECONDS)
    names = [running.contender.name for running in everyone]
    seen = await in_turns(everyone, rounds, lambda running: flat_out(running, requests, seconds))
    flat = dict(zip(names, seen, strict=True))
    throughput = {name: statistics.median(one.throughput for one in flat[name]) for name in names}
    tails: dict[float, dict[str, list[float]]] = {}
    for rate in (share * throughput[BASELINE] for share in SHARES):
        # Who has hardly more than this to give would only show how a queue grows.
        able = [running for running in everyone if rate < 0.95 * throughput[running.contender.name]]
        waits = await in_turns(able, 5, partial(tail, requests=requests, seconds=5, rate=rate))
        tails[rate] = {running.contender.name: waits[number] for number, running in enumerate(able)}
    return f"{throughput_table(flat)}\n\n{tail_table(tails)}"


async def benchmark(rounds: int, seconds: float, port: int, outside: int) -> str:
    """Start everyone and return the tables."""
    os.sched_setaffinity(0, {1})
    # Pauses of this process would count as the contenders', and what it leaves behind in cycles is little.
    gc.disable()
    server = await asyncio.get_running_loop().create_server(StandIn, "127.0.0.1", outside, backlog=1024)
    with RedisServer() as redis, collector() as traces:
        everyone = []
        async with AsyncExitStack() as stack:
            for number, contender in enumerate(contenders(redis.url, outside, traces)):
                process = await stack.enter_async_context(running(contender, port + number, outside))
                everyone.append(Running(contender, port + number, process))
            tables = await measure(everyone, rounds, seconds)
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
