"""The dashboard preview, built and served for the length of a test."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

PREVIEW = Path(__file__).resolve().parents[2] / "grafana-dashboards" / "preview"
START_SECONDS = 120.0


def npm() -> str | None:
    """The npm program, where Node is installed."""
    return shutil.which("npm")


def build() -> None:
    """Install the locked packages, where they are not yet, and build the page."""
    lock, installed = PREVIEW / "package-lock.json", PREVIEW / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _npm("ci")
    _npm("run", "build")


@contextmanager
def serve(prometheus_url: str) -> Iterator[str]:
    """The address of the built page, in front of a Prometheus."""
    port = _free_port()
    vite = ["node", "node_modules/vite/bin/vite.js", "preview", "--port", str(port), "--strictPort"]
    environment = os.environ | {"PROM_URL": prometheus_url}
    server = subprocess.Popen(vite, cwd=PREVIEW, env=environment, stdout=subprocess.DEVNULL)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_until_it_answers(address, server)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=10)


def _npm(*arguments: str) -> None:
    done = subprocess.run(["npm", *arguments], cwd=PREVIEW, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"npm {' '.join(arguments)}:\n{done.stdout}\n{done.stderr}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_until_it_answers(address: str, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert server.poll() is None, f"the preview ended with status {server.returncode}"
        try:
            httpx.get(address).raise_for_status()
        except httpx.TransportError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{address} does not answer")
