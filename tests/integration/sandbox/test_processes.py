"""Child processes: their end is told with their last words."""

import sys
from pathlib import Path

import pytest

from sandbox.demo.processes import Child, DemoError

URL = "http://127.0.0.1:9/healthz"  # nothing listens on port 9


def child(tmp_path: Path, code: str) -> Child:
    return Child("gateway", [sys.executable, "-c", code], {"WORDS": "last words"}, tmp_path / "logs" / "gateway.log")


async def test_an_exited_process_is_reported_with_its_log(tmp_path: Path) -> None:
    failing = child(tmp_path, "import os; raise SystemExit(os.environ['WORDS'])")
    await failing.start()
    with pytest.raises(DemoError, match=r"the gateway exited with status 1(?s:.*)last words"):
        await failing.wait_ready(URL, 20)


async def test_a_process_that_is_never_ready(tmp_path: Path) -> None:
    slow = child(tmp_path, "import time; time.sleep(60)")
    await slow.start()
    try:
        with pytest.raises(DemoError, match="not ready after 0 s"):
            await slow.wait_ready(URL, 0.3)
    finally:
        await slow.stop()
    with pytest.raises(DemoError, match="exited with status -15"):
        await slow.raise_on_exit()


async def test_stdout_can_have_a_separate_file(tmp_path: Path) -> None:
    output = tmp_path / "output"
    code = "import sys; print(sys.stdin.read() + 'said'); sys.stderr.write('why')"
    command = [sys.executable, "-c", code]
    speaking = Child("operator", command, {}, tmp_path / "log", output=output)
    await speaking.start()
    assert await speaking.wait() == 0
    assert (output.read_text(), (tmp_path / "log").read_text()) == ("said\n", "why")
