"""Real gateways as processes of their own, a real Redis, and the sandbox in this process."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import pytest

from sandbox.redis_server import RedisServer, free_port
from sandbox.server import Sandbox
from sandbox.settings import Settings as SandboxSettings
from sandbox.telegram.users import Users
from support.earlier_commit import leave_out_without_repository
from support.gateway_fixtures import batched, make_settings, redis, redis_server, sample
from support.redis_sets import RedisSet

__all__ = ["batched", "make_settings", "make_world", "redis", "redis_server", "sample"]

TOKEN = "42:AAF-known-token-of-the-integration-tests"
SERVICE_TOKEN = "known-service-token-of-the-tests"
SECRET = "known-webhook-secret"
START_SECONDS = 600


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    leave_out_without_repository(config, items, Path(__file__).parent)


@dataclass
class Replica:
    """One `python -m app`; its output is kept in a file."""

    environment: dict[str, str]
    output: Path
    port: int = field(default_factory=free_port)
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        with self.output.open("ab") as output:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app"),
                env={**self.environment, "PORT": str(self.port)},
                stdout=output,
                stderr=output,
            )

    async def ready(self) -> None:
        async with aiohttp.ClientSession() as session, asyncio.timeout(START_SECONDS):
            while True:
                assert self.process is not None
                assert self.process.returncode is None, self.output.read_text()
                with suppress(aiohttp.ClientError):
                    async with session.get(f"{self.url}/readyz") as response:
                        if response.status == 200:
                            return
                await asyncio.sleep(0.1)

    async def kill(self) -> None:
        """SIGKILL."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        return await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(how)
        return await self.process.wait()


class Balancer:
    """Gives each connection to one of the replicas that are up, as a Kubernetes Service does."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.replicas: list[Replica] = []
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._port)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        for replica in random.sample(self.replicas, len(self.replicas)):
            with suppress(OSError):
                to_reader, to_writer = await asyncio.open_connection("127.0.0.1", replica.port)
                await asyncio.gather(_pipe(reader, to_writer), _pipe(to_reader, writer))
                return
        writer.close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
    writer.close()


@dataclass
class World:
    """All that a test needs. `user` acts as users do; `replica(**env)` makes a gateway that is not started yet."""

    redis: RedisServer | RedisSet
    sandbox: Sandbox
    balancer: Balancer
    directory: Path
    environment: dict[str, str]
    replicas: list[Replica] = field(default_factory=list)

    @property
    def users(self) -> Users:
        return Users(self.sandbox.telegram)

    def replica(self, **environment: str) -> Replica:
        output = self.directory / f"gateway-{len(self.replicas)}.log"
        replica = Replica({**self.environment, **environment}, output)
        self.replicas.append(replica)
        self.balancer.replicas.append(replica)
        return replica

    async def started(self, **environment: str) -> Replica:
        replica = self.replica(**environment)
        await replica.start()
        await replica.ready()
        return replica

    async def all_handled(self, seconds: float, *, but: int = 0) -> None:
        """Wait until no more than `but` updates are open."""
        async with asyncio.timeout(seconds):
            while self.sandbox.ledger.summary()["updates"]["open"] > but:  # noqa: ASYNC110 - the ledger tells nobody
                await asyncio.sleep(0.05)


@pytest.fixture
async def make_world(tmp_path: Path) -> AsyncIterator[Callable[..., Any]]:
    stack = AsyncExitStack()

    async def make(redis: RedisServer | RedisSet | None = None, token: str = TOKEN, **changes: Any) -> World:
        redis = await stack.enter_async_context(redis or RedisServer())
        balancer_port = free_port()
        ports = {f"{name}_port": free_port() for name in ("telegram", "control", "auth", "request", "user", "shift")}
        settings = SandboxSettings(
            bot_token=token,
            service_token=SERVICE_TOKEN,
            webhook_url=f"http://127.0.0.1:{balancer_port}/webhook",
            webhook_secret=SECRET,
            **ports,
            **changes,
        )
        sandbox = await stack.enter_async_context(Sandbox(settings))
        balancer = await stack.enter_async_context(Balancer(balancer_port))
        environment = {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "PYTHONPATH")},
            "BOT_TOKEN": token,
            "SERVICE_TOKEN": SERVICE_TOKEN,
            "WEBHOOK_SECRET": SECRET,
            "HOST": "127.0.0.1",
            "REDIS_URL": redis.url,
            "TELEGRAM_API_BASE": f"http://127.0.0.1:{ports['telegram_port']}",
            "TRACING_ENABLED": "false",
            **{
                f"{name.upper()}_SERVICE_URL": f"http://127.0.0.1:{ports[f'{name}_port']}"
                for name in ("auth", "request", "user", "shift")
            },
        }
        world = World(redis, sandbox, balancer, tmp_path, environment)
        stack.push_async_callback(_end, world)
        return world

    async with stack:
        yield make


async def _end(world: World) -> None:
    for replica in world.replicas:
        if replica.process is not None:
            await replica.kill()
