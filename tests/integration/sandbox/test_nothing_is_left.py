"""However the demo ends, and whichever process is told to end, none is left behind."""

import asyncio
import os
import pty
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from sandbox.redis_server import RedisServer, find_redis_binary
from support.ports import free_ports
from support.tools import ROOT

pytestmark = [
    pytest.mark.timeout(900),  # three programs start in each test
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the parent-death signal is Linux's"),
]

MAKEFILE = """
demo:
\t@exec '{python}' '{root}/scripts/with_make.py' $$PPID '{python}' {program}
"""
WAITS = {"DEMO_READY_TIMEOUT_SECONDS": "600"}
THE_DEMO = "-m sandbox demo"
SMALL_PROGRAM = "program.py"
"""Starts a child in the demo's way and has no handler for any signal."""
SMALL_PROGRAM_TEXT = """
import signal
from sandbox.redis_server import RedisServer, find_redis_binary
with RedisServer():
    print("Ctrl-C ends it.", flush=True)
    signal.pause()
"""
PROCESSES = {THE_DEMO: 5, SMALL_PROGRAM: 3}
"""What runs it for make, the program itself, Redis; the demo also has the sandbox and the gateway."""
Deed = Callable[[psutil.Process, psutil.Process], None]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    names = ("GATEWAY", "CONTROL", "TELEGRAM", "AUTH", "REQUEST", "USER", "SHIFT")
    variables = [f"{'DEMO' if name == 'GATEWAY' else 'SANDBOX'}_{name}_PORT" for name in names]
    ports = {name: str(port) for name, port in zip(variables, free_ports(len(variables)), strict=True)}
    return os.environ | ports | {"DEMO_RUN_DIR": str(tmp_path / "run"), "DEMO_MONITORING": "false", **WAITS}


async def started(
    folder: Path, environment: dict[str, str], program: str
) -> tuple[asyncio.subprocess.Process, list[psutil.Process]]:
    """A program as a recipe of make on a terminal of its own; make's process, and all below it once it runs."""
    (folder / "Makefile").write_text(MAKEFILE.format(python=sys.executable, root=ROOT, program=program))
    (folder / SMALL_PROGRAM).write_text(SMALL_PROGRAM_TEXT)
    terminal, theirs = pty.openpty()
    make = await asyncio.create_subprocess_exec(
        "make", "-C", str(folder), "demo", env=environment,
        stdin=theirs, stdout=theirs, stderr=theirs, preexec_fn=_own_terminal,
    )  # fmt: skip
    os.close(theirs)
    text = await asyncio.to_thread(_read_until, terminal, "Ctrl-C ends it.")
    below = psutil.Process(make.pid).children(recursive=True)
    assert len(below) == PROCESSES[program], text
    make_terminals[make.pid] = terminal
    return make, below


make_terminals: dict[int, int] = {}


def _own_terminal() -> None:
    # Tests that were started with nohup, or in the background, ignore these; so would all that they start.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    os.setsid()
    os.close(os.open(os.ttyname(0), os.O_RDWR))  # the first one that a session's leader opens is its own


def _read_until(terminal: int, wanted: str) -> str:
    text = ""
    while wanted not in text:
        text += os.read(terminal, 65536).decode(errors="replace")
    return text


def _drain(terminal: int) -> None:
    try:
        while os.read(terminal, 65536):
            pass
    except OSError:
        pass


def ctrl_c(make: psutil.Process, _running: psutil.Process) -> None:
    os.write(make_terminals[make.pid], b"\x03")


def close_terminal(make: psutil.Process, _running: psutil.Process) -> None:
    os.close(make_terminals.pop(make.pid))


def to_make(number: signal.Signals) -> Deed:
    return lambda make, _running: make.send_signal(number)


def to_program(number: signal.Signals) -> Deed:
    return lambda _make, running: running.send_signal(number)


@pytest.mark.parametrize(
    ("program", "deed"),
    [
        pytest.param(THE_DEMO, ctrl_c, id="demo: Ctrl-C"),
        pytest.param(THE_DEMO, close_terminal, id="demo: terminal closed"),
        pytest.param(THE_DEMO, to_program(signal.SIGKILL), id="demo: SIGKILL"),
        pytest.param(SMALL_PROGRAM, ctrl_c, id="Ctrl-C"),
        pytest.param(SMALL_PROGRAM, close_terminal, id="terminal closed"),
        pytest.param(SMALL_PROGRAM, to_make(signal.SIGKILL), id="SIGKILL of make"),
        pytest.param(SMALL_PROGRAM, to_make(signal.SIGINT), id="SIGINT to make alone"),
        pytest.param(SMALL_PROGRAM, to_make(signal.SIGHUP), id="SIGHUP to make alone"),
        pytest.param(SMALL_PROGRAM, to_make(signal.SIGTERM), id="SIGTERM to make alone"),
    ],
)
async def test_nothing_is_left(program: str, deed: Deed, tmp_path: Path, environment: dict[str, str]) -> None:
    make, below = await started(tmp_path, environment, program)
    by_make = psutil.Process(make.pid).children()[0]
    running = next(process for process in by_make.children() if process.cmdline()[-1] == program.split()[-1])
    deed(psutil.Process(make.pid), running)
    terminal = make_terminals.pop(make.pid, None)
    reading = asyncio.create_task(asyncio.to_thread(_drain, terminal)) if terminal is not None else None
    await make.wait()
    _gone, alive = await asyncio.to_thread(psutil.wait_procs, below, 100)
    assert alive == []
    if reading is not None and terminal is not None:
        await reading
        os.close(terminal)


async def test_a_redis_that_dies_ends_the_demo_and_is_named(environment: dict[str, str]) -> None:
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", "demo", env=environment,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert demo.stdout is not None
    while b"Ctrl-C" not in (line := await demo.stdout.readline()):
        assert line, "the demo has ended"
    children = psutil.Process(demo.pid).children()
    redis = next(child for child in children if child.exe() == str(find_redis_binary().resolve()))
    redis.kill()
    _output, said = await demo.communicate()
    assert demo.returncode == 1
    assert said.decode().startswith("demo: Redis ended with status -9: ")
    _gone, alive = psutil.wait_procs(children, timeout=0)
    assert alive == []


async def test_output_that_nobody_reads_ends_the_demo(environment: dict[str, str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    demo = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sandbox", "demo", env=environment, stdout=writer, stderr=asyncio.subprocess.PIPE
    )
    os.close(writer)
    _output, said = await demo.communicate()
    assert (demo.returncode, said.decode()) == (1, "demo: its output can no longer be written\n")


async def test_an_embedded_redis_dies_with_its_process_though_a_thread_that_ended_started_it() -> None:
    holder = (
        "import asyncio, os, signal; from sandbox.redis_server import RedisServer; redis = RedisServer();"
        "asyncio.run(redis.__aenter__()); print(redis.pid, flush=True); input()"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", holder, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    redis = psutil.Process(int(await process.stdout.readline()))
    assert redis.is_running()  # the loop's executor, which started it, is gone
    process.kill()
    await process.wait()
    _gone, alive = await asyncio.to_thread(psutil.wait_procs, [redis], 60)
    assert alive == []


async def test_a_redis_that_was_stopped_says_that_it_ended() -> None:
    async with RedisServer() as redis:
        assert redis.pid is not None
        os.kill(redis.pid, signal.SIGKILL)
        with pytest.raises(Exception, match=r"^Redis ended with status -9: "):
            await redis.ended()
