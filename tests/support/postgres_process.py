"""A PostgreSQL of the test's own, where its programs are on PATH."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from sandbox.redis_server import free_port
from support.tools import tool

_NOBODY = 65534  # PostgreSQL refuses to run as root.


@contextmanager
def postgres() -> Iterator[str]:
    """An empty server of this moment; yields its address for SQLAlchemy."""
    initdb, server_program = tool("initdb"), tool("postgres")
    # Not in pytest's directory: each run of pytest shuts that one to all other users.
    with (
        TemporaryDirectory(prefix="postgres-") as directory,
        _serving(Path(directory), initdb, server_program) as url,
    ):
        yield url


@contextmanager
def _serving(base: Path, initdb: str, server_program: str) -> Iterator[str]:
    data, port = base / "data", free_port()
    prefix: list[str] = []
    if os.geteuid() == 0:
        prefix = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"]
        os.chown(base, _NOBODY, _NOBODY)
    make = [*prefix, initdb, "-D", str(data), "-U", "sandbox", "-A", "trust", "-N"]
    subprocess.run(make, check=True, stdout=subprocess.DEVNULL, cwd=base)
    server = subprocess.Popen(
        [*prefix, server_program, "-D", data, "-p", str(port), "-k", base, "-c", "listen_addresses=127.0.0.1", "-F"],
        stdout=subprocess.DEVNULL,
        stderr=(base / "log").open("wb"),
        cwd=base,
    )
    try:
        yield f"postgresql+asyncpg://sandbox@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # with whoever is connected still
        server.wait(20)
