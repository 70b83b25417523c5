"""A replica's end in a process of its own: SIGTERM ends it within the grace period, whatever hangs on the way."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import pytest

from sandbox.redis_server import RedisServer, free_port

GRACE_SECONDS = 8
"""Enough for a busy machine to come as far as what hangs."""
RUN = "from app.core.settings import load_settings; from app.main import run; run(load_settings())"

NOTHING = ""
A_CLOSING_STEP = """
import asyncio
from app.delivery.leases import Leases
async def stop(self):
    await asyncio.Event().wait()
Leases.stop = stop
"""
A_TASK_THAT_TAKES_NO_CANCELLATION = """
import asyncio
from app.delivery.leases import Leases
async def stop(self):
    async def stay():
        while True:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                pass
    self.staying = asyncio.create_task(stay(), name="staying")
Leases.stop = stop
"""
# In an executor of its own: the loop's may have a thread more, where the one before has only just ended its work.
A_THREAD = """
import asyncio, time
from concurrent.futures import ThreadPoolExecutor
from app.delivery.leases import Leases
async def stop(self):
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(thread_name_prefix="staying"))
    loop.run_in_executor(None, time.sleep, 3600)
Leases.stop = stop
"""
A_STUCK_LOOP = """
import time
from app.delivery.leases import Leases
async def stop(self):
    time.sleep(3600)
Leases.stop = stop
"""


@asynccontextmanager
async def replica(redis_server: RedisServer, preparation: str) -> AsyncIterator[asyncio.subprocess.Process]:
    settings = {
        "BOT_TOKEN": "42:AAF-known-token-of-the-tests",
        "REDIS_URL": redis_server.url,
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        "TELEGRAM_API_BASE": "http://127.0.0.1:1",
        "TRACING_ENABLED": "false",
        "SHUTDOWN_GRACE_SECONDS": str(GRACE_SECONDS),
    }
    inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "HOME")}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        preparation + RUN,
        env={**inherited, **settings},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


@pytest.mark.parametrize(
    ("preparation", "named"),
    [
        (NOTHING, None),
        (A_CLOSING_STEP, "stop > Event.wait"),
        (A_TASK_THAT_TAKES_NO_CANCELLATION, "staying"),
        (A_THREAD, "staying_0"),
        (A_STUCK_LOOP, " in stop"),
    ],
    ids=["nothing", "a closing step", "a task that takes no cancellation", "a thread", "a stuck loop"],
)
async def test_it_ends_within_the_grace_period_whatever_hangs(
    redis_server: RedisServer, preparation: str, named: str | None
) -> None:
    async with replica(redis_server, preparation) as process:
        assert process.stdout is not None
        await _until(process.stdout, "gateway_ready")
        asked_at = time.monotonic()
        process.send_signal(signal.SIGTERM)
        rest = (await process.stdout.read()).decode()
        status = await process.wait()
    # Whatever hangs here would do so for an hour; the test's own time limit ends before.
    took = time.monotonic() - asked_at
    overdue = [line for line in rest.splitlines() if "shutdown_timed_out" in line]
    if named is None:
        assert (status, overdue) == (0, [])
    else:
        assert status == 1
        assert took >= GRACE_SECONDS
        [line] = overdue
        assert named in rest
        assert orjson.loads(line)["level"] == "error"


async def _until(stdout: asyncio.StreamReader, event: str) -> None:
    async with asyncio.timeout(500):
        while event not in (line := (await stdout.readline()).decode()):
            assert line, "it has ended"
