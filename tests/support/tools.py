"""Programs that are not Python's: found on PATH or in .tools, else the test skips and says which one is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIRE = "BOT_GATEWAY_REQUIRE_TOOLS"


def tool(name: str) -> str:
    """The path of a program, or a skip that names it.

    With BOT_GATEWAY_REQUIRE_TOOLS=1 a missing program fails the test instead.
    """
    found = shutil.which(
        name, path=f"{os.environ['PATH']}{os.pathsep}{ROOT / '.tools'}{os.pathsep}{ROOT / '.tools/bin'}"
    )
    if found:
        return found
    message = f"{name} is missing: install it or run `make tools`"
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(message)
    pytest.skip(message)


def run(program: str, *args: str, stdin: str | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, whatever its exit code."""
    return subprocess.run([program, *args], input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
