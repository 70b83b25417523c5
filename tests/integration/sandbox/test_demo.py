"""The demo for real: Redis, sandbox and gateway as processes, on free ports."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import psutil
import pytest

from support.ports import free_ports
from support.tools import tool

pytestmark = pytest.mark.timeout(900)  # three programs start in each test

PORTS = (
    "DEMO_GATEWAY_PORT",
    "SANDBOX_CONTROL_PORT",
    "SANDBOX_TELEGRAM_PORT",
    "SANDBOX_AUTH_PORT",
    "SANDBOX_REQUEST_PORT",
    "SANDBOX_USER_PORT",
    "SANDBOX_SHIFT_PORT",
)


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    ports = {name: str(port) for name, port in zip(PORTS, free_ports(len(PORTS)), strict=True)}
    fixed = {"DEMO_RUN_DIR": str(tmp_path), "DEMO_READY_TIMEOUT_SECONDS": "600", "DEMO_MONITORING": "false"}
    return os.environ | ports | fixed


async def start(environment: dict[str, str], *options: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", "demo", *options, env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, start_new_session=True,
    )  # fmt: skip


async def read_until(process: asyncio.subprocess.Process, wanted: str) -> str:
    assert process.stdout is not None
    text = ""
    while wanted not in text:
        line = await process.stdout.readline()
        assert line, f"the demo ended before {wanted!r}:\n{text}"
        text += line.decode()
    return text


async def test_the_demo_runs_a_conversation_and_prints_its_trace(environment: dict[str, str]) -> None:
    process = await start(environment, "--once")
    output = (await process.communicate())[0].decode()
    assert process.returncode == 0, output
    assert "\x1b" not in output
    for said in ("→ /start", "→ /newrequest", "→ /requests", "R-000031"):
        assert said in output
    tree = output.partition("Trace of the /requests message\n")[2]
    for line in (
        r"^Bot Gateway: /webhook \[\d+ms\]$",
        r"^├─ Auth Middleware \[\d+ms\]$",
        r"^│  └─ Auth Service: POST /api/v1/auth/verify \[\d+ms\]$",
        r"Request Service: GET /api/v1/requests \[\d+ms\]$",
        r"SQLite: SELECT … FROM requests",
        r"Telegram: sendMessage \[\d+ms\]$",
    ):
        assert re.search(line, tree, re.MULTILINE), f"{line} is missing in:\n{tree}"
    assert f"curl http://localhost:{environment['DEMO_GATEWAY_PORT']}/metrics" in output


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_all_processes(environment: dict[str, str], how: signal.Signals) -> None:
    process = await start(environment)
    await read_until(process, "Try it")
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) == 3
    assert {os.getpgid(child.pid) for child in children} == {os.getpgid(process.pid)}
    process.send_signal(how)
    assert await process.wait() == 0
    _gone, alive = psutil.wait_procs(children, timeout=0)
    assert alive == []


@pytest.mark.e2e
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_monitoring_programs_and_the_operator(
    environment: dict[str, str], how: signal.Signals
) -> None:
    for program in ("prometheus", "alertmanager", "jaeger"):
        tool(program)
    views = ("PROMETHEUS", "ALERTMANAGER", "JAEGER", "OTLP")
    ports = {f"DEMO_{name}_PORT": str(port) for name, port in zip(views, free_ports(len(views)), strict=True)}
    process = await start(environment | ports | {"DEMO_MONITORING": "true"})
    await read_until(process, "Try it")
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) == 7
    os.killpg(process.pid, how)  # as a terminal does
    assert await process.wait() == 0
    _gone, alive = psutil.wait_procs(children, timeout=0)
    assert alive == []


async def gateway_of(demo: asyncio.subprocess.Process) -> psutil.Process:
    children = psutil.Process(demo.pid).children()
    return next(child for child in children if child.cmdline()[-2:] == ["-m", "app"])


async def test_a_killed_gateway_is_restarted_and_one_that_exits_ends_the_demo(environment: dict[str, str]) -> None:
    demo = await start(environment)
    await read_until(demo, "Try it")
    killed = await gateway_of(demo)
    killed.kill()
    await read_until(demo, "The gateway is ready again.")
    back = await gateway_of(demo)
    assert back.pid != killed.pid
    back.terminate()
    output = (await demo.communicate())[0].decode()
    assert demo.returncode == 1
    assert "demo: the gateway exited with status 0; last lines of" in output
