"""Programs that are not Python's: found on PATH or in .tools, else the test skips and says which one is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIRE = "BOT_GATEWAY_REQUIRE_TOOLS"

_HOW = {
    **dict.fromkeys(("amtool", "helm", "promtool"), "make tools"),
    **dict.fromkeys(("initdb", "postgres"), "apt-get install postgresql"),
    **{name: f"apt-get install {name}" for name in ("chromium", "openssl", "prometheus")},
}
"""The command that brings a program; the packages are Debian's."""
_DEBIAN_FOLDERS = "/usr/lib/postgresql/*/bin"
"""Where Debian puts PostgreSQL's programs, which are not on PATH."""


def missing(name: str) -> str:
    """The sentence about a program that is not there; `support.not_run` reads it again."""
    return f"{name} is missing: {_HOW.get(name, f'put {name} on PATH')}"


def tool(name: str) -> str:
    """The path of a program, or a skip that names it.

    With BOT_GATEWAY_REQUIRE_TOOLS=1 a missing program fails the test instead.
    """
    folders = [os.environ["PATH"], ROOT / ".tools", ROOT / ".tools/bin", *sorted(Path("/").glob(_DEBIAN_FOLDERS[1:]))]
    found = shutil.which(name, path=os.pathsep.join(map(str, folders)))
    if found:
        return found
    message = missing(name)
    if os.environ.get(REQUIRE) == "1":
        pytest.fail(message)
    pytest.skip(message)


def run(program: str, *args: str, stdin: str | None = None, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, whatever its exit code."""
    return subprocess.run([program, *args], input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
