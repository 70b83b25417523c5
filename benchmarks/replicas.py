"""Gateway processes on one core, with their CPU and memory usage."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx
import psutil

TOKEN = "42:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
GATEWAY_CORE, OTHER_CORE = 0, 1


@dataclass(frozen=True)
class Replica:
    """One ready gateway."""

    port: int
    process: psutil.Process

    @property
    def cpu_seconds(self) -> float:
        times = self.process.cpu_times()
        return float(times.user + times.system)

    @property
    def resident_mebibytes(self) -> float:
        return float(self.process.memory_info().rss) / 2**20

    async def series(self) -> int:
        """Number of time series in one scrape."""
        async with httpx.AsyncClient() as client:
            page = (await client.get(f"http://127.0.0.1:{self.port}/metrics")).text
        return sum(bool(line) and not line.startswith("#") for line in page.splitlines())


@asynccontextmanager
async def running(count: int, port: int, redis_url: str, outside: int) -> AsyncIterator[list[Replica]]:
    """Run `count` gateways on ports from `port` upwards; Bot API and Auth Service are on port `outside`."""
    environment = os.environ | {
        "BOT_TOKEN": TOKEN,
        "HOST": "127.0.0.1",
        "REDIS_URL": redis_url,
        "TELEGRAM_API_BASE": f"http://127.0.0.1:{outside}",
        "AUTH_SERVICE_URL": f"http://127.0.0.1:{outside}",
        "IDENTITY_FRESH_SECONDS": "86400",
        "RATE_LIMIT_BURST": "1000000",
        "RATE_LIMIT_PER_SECOND": "1000000",
        "TELEGRAM_MESSAGES_PER_SECOND": "0",
        "LOG_LEVEL": "ERROR",
    }
    replicas: list[Replica] = []
    processes: list[asyncio.subprocess.Process] = []
    try:
        for number in range(count):
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app"),
                env={**environment, "PORT": str(port + number)},
                # Without a collector every failed trace export is logged.
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.DEVNULL,
            )
            processes.append(process)
            replicas.append(Replica(port + number, psutil.Process(process.pid)))
            replicas[-1].process.cpu_affinity([GATEWAY_CORE])
        for process, replica in zip(processes, replicas, strict=True):
            await _ready(process, replica.port)
        yield replicas
    finally:
        for process in processes:
            if process.returncode is None:
                process.terminate()
        for process in processes:
            await process.wait()


async def _ready(process: asyncio.subprocess.Process, port: int) -> None:
    async with httpx.AsyncClient() as client, asyncio.timeout(180):
        while True:
            if process.returncode is not None:
                raise RuntimeError(f"a gateway exited with {process.returncode} during start")
            try:
                if (await client.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
