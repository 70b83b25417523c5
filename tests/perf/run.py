"""The gateway as shipped against aiogram and against no framework at all, in one run: `make perf`.

One core carries the bot, the other this process (load, Bot API, Redis, a collector that takes the traces). Contenders
take turns, several rounds; the table shows medians and the ratio to bare aiogram + uvloop of the same round. p99 is
taken at half of bare aiogram's throughput, for all; who cannot stand that is measured at half of its own.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import os
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import uvloop
from collector import collector
from load import Requests, Result, closed_loop, open_loop
from redis.asyncio import Redis
from stand_in import StandIn

from sandbox.redis_server import RedisServer

HERE = Path(__file__).parent
TOKEN = "42:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
CONNECTIONS = 64
BASELINE = "aiogram + uvloop"


@dataclass(frozen=True)
class Contender:
    """A program to measure: what to run and its own environment."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str]


@dataclass
class Measured:
    """One contender's rounds."""

    throughput: list[float]
    cpu_microseconds: list[float]
    p99_milliseconds: list[float]


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
        Contender("aiogram + Redis storage + isolation", bare, {"REDIS_URL": redis_url}),
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


def require_success(contender: Contender, result: Result) -> None:
    """A benchmark of refusals would be worth nothing. Raises RuntimeError when an answer was not 200."""
    if set(result.statuses) != {200}:
        raise RuntimeError(f"{contender.name} answered {result.statuses}, not 200 alone")


async def measure(
    contender: Contender, port: int, outside: int, seconds: float, half_load: float | None
) -> tuple[float, float, float]:
    """Throughput a second, CPU µs an update, and p99 in ms at `half_load`, or at half of its own throughput where
    there is none given or that is less.
    """
    requests = Requests()
    async with running(contender, port, outside) as process:
        require_success(contender, await closed_loop(port, requests, seconds=3, connections=CONNECTIONS))
        sends, before = StandIn.sends, process.cpu_times()
        result = await closed_loop(port, requests, seconds=seconds, connections=CONNECTIONS)
        after = process.cpu_times()
        require_success(contender, result)
        if StandIn.sends - sends < result.updates:
            raise RuntimeError(f"{contender.name} sent {StandIn.sends - sends} messages for {result.updates} updates")
        cpu = after.user + after.system - before.user - before.system
        rate = min(half_load or result.per_second, result.per_second / 2)
        steady = await open_loop(port, requests, seconds=seconds, rate=rate)
        require_success(contender, steady)
    return result.per_second, cpu / result.updates * 1e6, steady.quantile(0.99) * 1000


def table(measured: dict[str, Measured]) -> str:
    """Medians and ratios as Markdown."""
    lines = [
        "| contender | updates/s | × aiogram | CPU µs/update | × aiogram | p99 ms at half load | p99 ÷ aiogram's |",
        "|---|---|---|---|---|---|---|",
    ]
    base = measured[BASELINE]
    for name, rounds in measured.items():
        ratio = statistics.median(a / b for a, b in zip(rounds.throughput, base.throughput, strict=True))
        spared = statistics.median(b / a for a, b in zip(rounds.cpu_microseconds, base.cpu_microseconds, strict=True))
        tail = statistics.median(a / b for a, b in zip(rounds.p99_milliseconds, base.p99_milliseconds, strict=True))
        throughput, cpu = statistics.median(rounds.throughput), statistics.median(rounds.cpu_microseconds)
        p99 = statistics.median(rounds.p99_milliseconds)
        lines.append(f"| {name} | {throughput:.0f} | {ratio:.2f} | {cpu:.0f} | {spared:.2f} | {p99:.1f} | {tail:.2f} |")
    return "\n".join(lines)


async def benchmark(rounds: int, seconds: float, port: int, outside: int) -> str:
    """Run all rounds and return the table."""
    os.sched_setaffinity(0, {1})
    # Pauses of this process would count as the contenders', and what it leaves behind in cycles is little.
    gc.disable()
    server = await asyncio.get_running_loop().create_server(StandIn, "127.0.0.1", outside, backlog=1024)
    measured: dict[str, Measured] = {}
    with RedisServer() as redis, collector() as traces:
        client: Redis = Redis.from_url(redis.url)
        everyone = contenders(redis.url, outside, traces)
        for number in range(rounds):
            half_load: float | None = None
            for contender in everyone:
                # Nothing of an earlier round, whose updates would be taken for duplicates.
                await client.flushall()
                throughput, cpu, p99 = await measure(contender, port, outside, seconds, half_load)
                half_load = half_load or throughput / 2
                print(
                    f"round {number + 1}: {contender.name}: {throughput:.0f}/s, {cpu:.0f} µs, p99 {p99:.1f} ms",
                    flush=True,
                )
                kept = measured.setdefault(contender.name, Measured([], [], []))
                kept.throughput.append(throughput)
                kept.cpu_microseconds.append(cpu)
                kept.p99_milliseconds.append(p99)
        await client.aclose()
    server.close()
    return table(measured)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--port", type=int, default=18000)
    parser.add_argument("--outside-port", type=int, default=18081)
    args = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        sys.exit("perf: two cores are needed, one for the bot and one for the load")
    print(uvloop.run(benchmark(args.rounds, args.seconds, args.port, args.outside_port)))


if __name__ == "__main__":
    main()
