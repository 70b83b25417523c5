"""Cost of metrics and traces, and whether a failing collector adds to it: `make perf-telemetry`.

The same gateway with and without telemetry, and with a collector that accepts spans, is down, or never responds.
Contenders take turns within a round and are compared within a round only; the table shows medians and ranges.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import uvloop

from load import Requests, in_turns
from run import HERE, Contender, FullLoad, Running, contenders, full_load, running
from sandbox.redis_server import RedisServer, free_port
from sandbox.traces.receiver import SpanReceiver, SpanStore
from service_stub import ServiceStub

EVERYTHING = "all on, collector responds"
NOTHING = "no metrics, no spans"
START_SECONDS = 120


@asynccontextmanager
async def unresponsive() -> AsyncIterator[int]:
    """Serve a port that accepts connections and never responds."""

    async def hold(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        while await reader.read(65536):
            pass

    server = await asyncio.start_server(hold, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def compared(redis_url: str, outside: int, *, healthy: int, down: int, hanging: int) -> list[Contender]:
    """Return the contenders; the ports are those of the collectors."""
    gateway = next(one for one in contenders(redis_url, outside) if one.name == "the gateway")
    own = (sys.executable, str(Path(HERE) / "contenders" / "gateway_without.py"))

    def to(port: int) -> dict[str, str]:
        return {**gateway.environment, "TRACING_ENABLED": "true", "JAEGER_HOST": "127.0.0.1", "JAEGER_PORT": str(port)}

    off = {**gateway.environment, "TRACING_ENABLED": "false"}
    return [
        Contender(NOTHING, (*own, "metrics", "spans"), off),
        Contender(EVERYTHING, own, to(healthy)),
        Contender("no metrics", (*own, "metrics"), to(healthy)),
        Contender("TRACING_ENABLED=false", own, off),
        Contender("collector down", own, to(down)),
        Contender("collector never responds", own, to(hanging)),
    ]


async def wait_until_listening(port: int) -> None:
    """Wait for the process to start, which takes long on a busy machine."""
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.2)
            else:
                writer.close()
                return


async def measure(contender: Contender, requests: Requests, port: int, outside: int, seconds: float) -> FullLoad:
    """Start a contender, warm it up, and measure it at full load."""
    async with running(contender, port, outside) as process:
        await wait_until_listening(port)
        listening = Running(contender, port, process)
        await full_load(listening, requests, 2)
        flat = await full_load(listening, requests, seconds)
    print(f"{contender.name}: {flat.throughput:.0f}/s, {flat.cpu:.0f} µs", flush=True)
    return flat


def spread(values: list[float], digits: int) -> str:
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def table(flat: dict[str, list[FullLoad]]) -> str:
    """Markdown table of medians and ranges."""
    lines = [
        f"| contender | updates/s | × “{NOTHING}” | × “{EVERYTHING}” | CPU µs/update |",
        "|---|---|---|---|---|",
    ]
    for name, rounds in flat.items():
        against = [
            spread([one.throughput / other.throughput for one, other in zip(rounds, flat[base], strict=True)], 3)
            for base in (NOTHING, EVERYTHING)
        ]
        throughput = statistics.median(one.throughput for one in rounds)
        cpu = statistics.median(one.cpu for one in rounds)
        lines.append(f"| {name} | {throughput:.0f} | {against[0]} | {against[1]} | {cpu:.0f} |")
    return "\n".join(lines)


async def benchmark(rounds: int, seconds: float, port: int, outside: int) -> str:
    """Run all rounds and return the table."""
    os.sched_setaffinity(0, {1})
    server = await asyncio.get_running_loop().create_server(ServiceStub, "127.0.0.1", outside, backlog=1024)
    async with SpanReceiver(SpanStore()) as receiver, unresponsive() as hanging:
        with RedisServer() as redis:
            all_contenders = compared(redis.url, outside, healthy=receiver.port, down=free_port(), hanging=hanging)
            # All share one Redis, which detects repeated update ids, so they share one id sequence.
            one = partial(measure, requests=Requests(), port=port, outside=outside, seconds=seconds)
            seen = await in_turns(all_contenders, rounds, one)
    server.close()
    return table({contender.name: seen[number] for number, contender in enumerate(all_contenders)})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--port", type=int, default=18100)
    parser.add_argument("--outside-port", type=int, default=18181)
    args = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        sys.exit("perf: two cores are needed, one for the gateway and one for the load")
    print(uvloop.run(benchmark(args.rounds, args.seconds, args.port, args.outside_port)))


if __name__ == "__main__":
    main()
