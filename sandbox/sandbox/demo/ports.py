"""The demo's TCP ports: checked before anything starts, and claimed against a demo that starts at once."""

import errno
import shlex
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import psutil

from sandbox.demo.processes import DemoError

SHOWN_COMMAND = 80


@dataclass(frozen=True, slots=True)
class Port:
    """A TCP port and the environment variable that changes it."""

    number: int
    variable: str


@contextmanager
def claimed(ports: dict[str, Port]) -> Iterator[None]:
    """Keep other demos from the ports; each port must be free.

    Between this look and the moment when a process listens, another demo could take some of the ports and lose others,
    and both would fail. Abstract sockets of Linux serve as locks: they leave no file and end with the process.
    Elsewhere there is only the look.

    Raises:
        DemoError: a port is in use; it names the program.
    """
    with ExitStack() as locks:
        for name, port in sorted(ports.items(), key=lambda item: item[1].number):
            _require_free(name, port)
            if sys.platform.startswith("linux"):
                lock = locks.enter_context(socket.socket(socket.AF_UNIX))
                try:
                    lock.bind(f"\0bot-gateway-demo/{port.number}")
                except OSError as error:
                    raise _taken(name, port, "another demo that is starting") from error
        yield


def _require_free(name: str, port: Port) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port.number))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise DemoError(
                    f"port {port.number} ({name}) cannot be opened: {error.strerror}; set {port.variable}"
                ) from error
            raise _taken(name, port, _holder(port.number)) from error


def _taken(name: str, port: Port, holder: str) -> DemoError:
    return DemoError(
        f"port {port.number} ({name}) is in use by {holder}: stop it, or move all ports with DEMO_PORT_BASE=20000, "
        f"or this one with {port.variable}"
    )


def _holder(number: int) -> str:
    """Return the command and the process id of the program that listens, as far as this user may see them."""
    try:
        connections = psutil.net_connections("tcp")
    except (psutil.Error, OSError):  # macOS shows them to root only
        return "another program"
    for connection in connections:
        if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == number:
            return _command(connection.pid)
    return "another program"


def _command(pid: int | None) -> str:
    if pid is None:
        return "a program of another user"
    try:
        command = shlex.join(psutil.Process(pid).cmdline())
    except psutil.Error:
        return f"process {pid}"
    shown = command if len(command) <= SHOWN_COMMAND else f"{command[: SHOWN_COMMAND - 1]}…"
    return f"`{shown}` (pid {pid})"
