"""Bulkheads: while one backend hangs for 15 s per call, does the latency of the other three change? Prints p95 ratios.

Four kinds of users, each of which needs one backend, write at a fixed rate from core 1, which the sandbox's backends
share; the gateway as shipped has core 0. For each backend in turn: p95 before, and p95 while it hangs. The goal is a
ratio of at most 1.5. Takes about five minutes, mostly waiting for circuit breakers to close.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import math
import os
import random
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import httpx
import orjson
import psutil
import uvloop

from load import Connection, connect
from sandbox.faults import FaultSpec
from sandbox.redis_server import RedisServer, free_port
from sandbox.server import Sandbox
from sandbox.settings import Settings
from service_stub import ServiceStub

GOAL = 1.5
HANG_SECONDS = 15.0
TOKEN = "42:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
Backend = Literal["auth", "request", "user", "shift"]
# The Auth Service comes first: while it hangs, the others use identities that are cached for five minutes.
BACKENDS: tuple[Backend, ...] = ("auth", "request", "user", "shift")
_new_users = itertools.count(1_000_000)


def _message(user: int, text: str) -> dict[str, Any]:
    chat, person = {"id": user, "type": "private"}, {"id": user, "is_bot": False, "first_name": "A"}
    return {"message": {"message_id": 1, "date": 1, "chat": chat, "from": person, "text": text}}


def _press(user: int, data: str) -> dict[str, Any]:
    chat, person = {"id": user, "type": "private"}, {"id": user, "is_bot": False, "first_name": "A"}
    message = {"message_id": 1, "date": 1, "chat": chat, "text": "x"}
    return {"callback_query": {"id": "1", "from": person, "chat_instance": "1", "message": message, "data": data}}


# Updates that need one backend only, once the user is known: a new user, a list of requests, a profile, open shifts.
UPDATES: dict[Backend, Callable[[int], dict[str, Any]]] = {
    "auth": lambda user: _message(user, "/help"),
    "request": lambda user: _message(user, "/requests"),
    "user": lambda user: _press(user, "uo:5"),
    "shift": lambda user: _message(user, "/shifts"),
}
# Ids of the sandbox's people; the Auth Service gets a new user each time.
PEOPLE: dict[Backend, Sequence[int]] = {
    "request": range(1001, 1201),
    "user": (*range(3001, 3007), *range(4001, 4005)),
    "shift": range(2001, 2013),
}


def _pick_user(kind: Backend) -> int:
    return next(_new_users) if kind == "auth" else random.choice(PEOPLE[kind])


@dataclass
class Load:
    """Load of all kinds of users. `latencies`: seconds from when an update was due, by kind; infinite while pending."""

    port: int
    rate: float
    latencies: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in UPDATES})
    statuses: set[int] = field(default_factory=set)
    _free: list[Connection] = field(default_factory=list)
    _in_flight: set[int] = field(default_factory=set)
    _update_ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1))
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    async def run(self, seconds: float) -> dict[str, list[float]]:
        """Send updates for `seconds`, wait two more seconds, and return the latencies by kind."""
        self.latencies = {kind: [] for kind in UPDATES}
        start = time.perf_counter()
        for number in range(int(seconds * self.rate)):
            due = start + number / self.rate
            if (wait := due - time.perf_counter()) > 0:
                await asyncio.sleep(wait)
            for kind in UPDATES:
                task = asyncio.create_task(self.one(kind, _pick_user(kind), due))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
        await asyncio.sleep(2)
        return self.latencies

    async def one(self, kind: Backend, user: int, due: float) -> None:
        """Send one update of a user, unless the user's previous one is in flight, since Telegram would hold it back.

        An update that gets 503 is sent again and counts as pending meanwhile.
        """
        if user in self._in_flight:
            return
        self._in_flight.add(user)
        latencies = self.latencies[kind]
        index = len(latencies)
        latencies.append(math.inf)
        body = orjson.dumps({"update_id": next(self._update_ids), **UPDATES[kind](user)})
        status = 503
        while status == 503:
            connection = await self._connection()
            head = b"POST /webhook HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n" % len(body)
            status = await connection.request(head + body)
            self.statuses.add(status)
            if connection.usable:
                self._free.append(connection)
        self._in_flight.discard(user)
        latencies[index] = time.perf_counter() - due

    async def _connection(self) -> Connection:
        while self._free:
            connection = self._free.pop()
            if connection.usable:
                return connection
        return await connect(self.port)


def p95(latencies: list[float]) -> float:
    """p95 of all updates; infinite if more than one in twenty is pending."""
    return sorted(latencies)[math.ceil(len(latencies) * 0.95) - 1]


async def wait_for(url: str, condition: Callable[[str], bool], seconds: float) -> None:
    """Poll `url` until the condition holds. Raises TimeoutError."""
    async with httpx.AsyncClient() as client, asyncio.timeout(seconds):
        while True:
            try:
                response = await client.get(url)
                if response.status_code == 200 and condition(response.text):
                    return
            except httpx.TransportError:
                pass  # not listening yet
            await asyncio.sleep(0.2)


async def measure(sandbox: Sandbox, gateway: str, load: Load, seconds: float) -> list[str]:
    """Table rows, one for each backend and kind of user that does not need it."""
    rows = []
    # Warm up: identities and profiles of all users are cached afterwards.
    for kind, people in PEOPLE.items():
        for user in people:
            await load.one(kind, user, time.perf_counter())
    for hung in BACKENDS:
        before = await load.run(seconds)
        sandbox.faults.add(FaultSpec(service=hung, kind="latency", latency_seconds=HANG_SECONDS))
        during = await load.run(seconds)
        sandbox.faults.clear()
        for kind in UPDATES:
            if kind != hung:
                was, now = p95(before[kind]) * 1000, p95(during[kind]) * 1000
                rows.append(
                    f"| {hung} | {kind} | {was:.1f} | {now:.1f} | {now / was:.2f} | {len(before[kind])} and "
                    f"{len(during[kind])} |"
                )
                print(rows[-1], flush=True)
        closed = f'bot_gateway_service_circuit_breaker_state{{service_name="{hung}"}} 0.0'
        await asyncio.sleep(HANG_SECONDS)
        await wait_for(f"{gateway}/metrics", lambda text, closed=closed: closed in text, 90)  # type: ignore[misc]  # bound
    return rows


async def benchmark(seconds: float, rate: float) -> str:
    """Run all measurements and return the table."""
    os.sched_setaffinity(0, {1})
    ports = {name: free_port() for name in (*BACKENDS, "telegram", "control", "outside", "gateway")}
    outside = await asyncio.get_running_loop().create_server(ServiceStub, "127.0.0.1", ports["outside"], backlog=1024)
    settings = Settings(
        telegram_port=ports["telegram"],
        control_port=ports["control"],
        traffic_users=200,
        **{f"{name}_port": ports[name] for name in BACKENDS},  # type: ignore[arg-type]  # all of them are ports
    )
    environment = {
        "BOT_TOKEN": TOKEN,
        "HOST": "127.0.0.1",
        "PORT": str(ports["gateway"]),
        "TELEGRAM_API_BASE": f"http://127.0.0.1:{ports['outside']}",
        "TELEGRAM_MESSAGES_PER_SECOND": "0",
        "SERVICE_TOKEN": settings.service_token.get_secret_value(),
        "RATE_LIMIT_BURST": "1000000",
        "LOG_LEVEL": "ERROR",
        **{f"{name.upper()}_SERVICE_URL": f"http://127.0.0.1:{ports[name]}" for name in BACKENDS},
    }
    with RedisServer() as redis:
        async with Sandbox(settings) as sandbox:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "app"),
                env=os.environ | environment | {"REDIS_URL": redis.url},
                # The log has only timeouts of the hanging backend and failed trace exports.
                stdout=asyncio.subprocess.DEVNULL,
            )
            psutil.Process(process.pid).cpu_affinity([0])
            gateway = f"http://127.0.0.1:{ports['gateway']}"
            load = Load(ports["gateway"], rate)
            try:
                await wait_for(f"{gateway}/readyz", lambda _text: True, 180)
                rows = await measure(sandbox, gateway, load, seconds)
            finally:
                process.terminate()
                await process.wait()
    outside.close()
    head = "| hangs | users of | p95 ms before | p95 ms while it hangs | ratio | updates |\n|---|---|---|---|---|---|"
    worst = max(float(row.split("|")[5]) for row in rows)
    return "\n".join((head, *rows, "", f"worst ratio {worst:.2f}, goal {GOAL}; statuses {sorted(load.statuses)}"))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=20, help="of each measurement")
    parser.add_argument("--rate", type=float, default=20, help="updates per second of each of the four kinds")
    args = parser.parse_args()
    if (os.cpu_count() or 1) < 2:
        sys.exit("isolation: two cores are needed, one for the gateway and one for its users")
    print(uvloop.run(benchmark(args.seconds, args.rate)))


if __name__ == "__main__":
    main()
