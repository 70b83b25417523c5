"""Three real gateways in network namespaces; the packets of one, or of all, to one backend are dropped.

Whether the one is found is asserted, and that nobody else is. How soon is printed: on a busy machine it says more about
the machine. The bound of ten seconds is a property of the rule and is tested in simulated time (test_outlier.py).
"""

from __future__ import annotations

import asyncio
import math
import os
import re
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest

from sandbox.redis_server import RedisServer, free_port
from sandbox.server import Sandbox
from sandbox.settings import Settings as SandboxSettings
from support.network_namespaces import Namespace, namespaces

pytestmark = pytest.mark.timeout(1500)

TOKEN = "42:AAF-known-token-of-the-integration-tests"
PORT = 8000
LOSS = 0.75
Values = tuple[float, ...]


@dataclass
class Gateway:
    """A gateway in a namespace of its own."""

    namespace: Namespace
    process: asyncio.subprocess.Process
    session: aiohttp.ClientSession
    last: dict[str, float] = field(default_factory=dict)

    async def read(self, metric: str) -> float:
        """Return a sample of the request backend; NaN while the gateway does not respond."""
        with suppress(aiohttp.ClientError, TimeoutError):
            async with self.session.get(f"http://{self.namespace.inside}:{PORT}/metrics") as response:
                text = await response.text()
            found = re.search(rf'^bot_gateway_{metric}{{service_name="request"}} (\S+)$', text, re.MULTILINE)
            return float(found[1]) if found else math.nan
        return math.nan


@dataclass
class Group:
    """The gateways, the port of the request backend, and everyone who was ever seen to be an outlier."""

    gateways: list[Gateway]
    request_port: int
    outliers: set[int] = field(default_factory=set)

    async def all(self, metric: str) -> Values:
        values = await asyncio.gather(*(gateway.read(metric) for gateway in self.gateways))
        if metric == "service_outlier":
            self.outliers |= {number for number, value in enumerate(values) if value == 1}
        return tuple(values)

    async def until(self, condition: Callable[[], Awaitable[bool]], seconds: float = 120) -> float:
        """Wait for a condition, looking at everybody's verdict all the time; return how long it took."""
        started = time.monotonic()
        async with asyncio.timeout(seconds):
            while not await condition():
                await self.all("service_outlier")
                await asyncio.sleep(0.1)
        return time.monotonic() - started


@pytest.fixture
async def group(tmp_path: Path) -> AsyncIterator[Group]:
    ports = {f"{name}_port": free_port() for name in ("telegram", "control", "auth", "request", "user", "shift")}
    settings = SandboxSettings(
        bot_token=TOKEN, service_token="s", webhook_url="http://127.0.0.1:9/webhook", host="0.0.0.0", **ports
    )
    async with AsyncExitStack() as stack:
        network = stack.enter_context(namespaces(3))
        redis = stack.enter_context(RedisServer(options=("--bind", "0.0.0.0", "--protected-mode", "no")))
        await stack.enter_async_context(Sandbox(settings))
        session = await stack.enter_async_context(aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)))
        gateways = []
        for namespace in network:
            process = await _start(namespace, redis.port, ports, tmp_path / f"{namespace.name}.log")
            stack.push_async_callback(_kill, process)
            gateways.append(Gateway(namespace, process, session))
        made = Group(gateways, ports["request_port"])
        await made.until(lambda: _equal(made, "service_outlier", 0, 0, 0), 600)
        # Everybody has had a success, and has seen the others.
        await made.until(lambda: _all_succeeded_since(made, time.time() - 3), 60)
        yield made


async def _start(namespace: Namespace, redis_port: int, ports: dict[str, int], log: Path) -> asyncio.subprocess.Process:
    names = ("auth", "request", "user", "shift")
    environment = {
        **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "PYTHONPATH")},
        "BOT_TOKEN": TOKEN,
        "SERVICE_TOKEN": "s",
        "PORT": str(PORT),
        "POD_IP": namespace.inside,
        "REDIS_URL": f"redis://{namespace.outside}:{redis_port}/0",
        "TELEGRAM_API_BASE": f"http://{namespace.outside}:{ports['telegram_port']}",
        "TRACING_ENABLED": "false",
        **{f"{name.upper()}_SERVICE_URL": f"http://{namespace.outside}:{ports[f'{name}_port']}" for name in names},
    }
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            *namespace.command, sys.executable, "-m", "app", env=environment, stdout=output, stderr=output
        )


async def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
    await process.wait()


async def _equal(group: Group, metric: str, *values: float) -> bool:
    return await group.all(metric) == values


async def _all_succeeded_since(group: Group, moment: float) -> bool:
    return all(value > moment for value in await group.all("service_last_success_timestamp_seconds"))


async def packets_of_one_are_lost(group: Group) -> None:
    affected = group.gateways[0]
    affected.namespace.drop(group.request_port, LOSS)
    seconds = await group.until(lambda: _equal(group, "service_outlier", 1, 0, 0))
    print(f"{LOSS:.0%} of the packets lost: outlier after {seconds:.1f} s")
    affected.namespace.restore(group.request_port, LOSS)
    restored = time.time()
    await group.until(lambda: _all_succeeded_since(group, restored))
    assert await group.all("service_outlier") == (1, 0, 0), "one good probe does not end it"
    seconds = await group.until(lambda: _equal(group, "service_outlier", 0, 0, 0))
    print(f"healthy again: no outlier after {seconds:.1f} s")
    assert group.outliers == {0}


async def one_is_cut_off(group: Group) -> None:
    affected = group.gateways[1]
    affected.namespace.drop(group.request_port, 1)
    seconds = await group.until(lambda: _equal(group, "service_outlier", 0, 1, 0))
    print(f"all packets lost: outlier after {seconds:.1f} s")
    seconds = await group.until(lambda: _equal(group, "service_circuit_breaker_state", 0, 1, 0))
    print(f"its breaker, opened by failed probes alone, {seconds:.1f} s later")
    affected.namespace.restore(group.request_port, 1)
    await group.until(lambda: _equal(group, "service_outlier", 0, 0, 0))
    assert group.outliers == {1}


async def all_are_cut_off(group: Group) -> None:
    for gateway in group.gateways:
        gateway.namespace.drop(group.request_port, 1)
    seconds = await group.until(lambda: _equal(group, "service_circuit_breaker_state", 1, 1, 1))
    print(f"all packets of all lost: all breakers open after {seconds:.1f} s")
    for gateway in group.gateways:
        gateway.namespace.restore(group.request_port, 1)
    await group.until(lambda: _equal(group, "service_circuit_breaker_state", 0, 0, 0))
    assert group.outliers == set()


async def test_only_the_one_that_cannot_reach_the_backend_is_an_outlier(group: Group) -> None:
    for scenario in (packets_of_one_are_lost, one_is_cut_off, all_are_cut_off):
        group.outliers.clear()
        await scenario(group)
