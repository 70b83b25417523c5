"""The demo's ports: one in use names its holder, one variable moves all, two demos do not disturb each other."""

import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sandbox.demo.ports import Port, claimed
from sandbox.demo.processes import DemoError
from sandbox.demo.settings import PORTS, DemoSettings, with_port_base
from sandbox.settings import Settings
from support.ports import free_ports

LISTEN = (
    "import socket,sys; s=socket.create_server(('127.0.0.1', int(sys.argv[1]))); print('listens', flush=True); input()"
)


@contextmanager
def listener(port: int) -> Iterator[subprocess.Popen[str]]:
    """Another program that listens."""
    command = [sys.executable, "-c", LISTEN, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "listens\n"
        yield process
        process.communicate("\n")


def test_a_port_in_use_names_its_holder_and_both_variables() -> None:
    (number,) = free_ports(1)
    with (
        listener(number) as process,
        pytest.raises(DemoError) as caught,
        claimed({"gateway": Port(number, "THE_PORT")}),
    ):
        pass
    message = str(caught.value)
    assert message.startswith(f"port {number} (gateway) is in use by `{shlex.quote(sys.executable)} -c ")
    assert f"(pid {process.pid})" in message
    assert message.endswith("move all ports with DEMO_PORT_BASE=20000, or this one with THE_PORT")


def test_a_port_that_may_not_be_opened_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")  # as the kernel refuses a user a port below 1024

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(DemoError, match=r"port 80 \(gateway\) cannot be opened: Permission denied; set THE_PORT"):
        claimed({"gateway": Port(80, "THE_PORT")}).__enter__()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="abstract sockets are Linux's")
def test_of_two_demos_that_start_at_once_the_second_is_told() -> None:
    (number,) = free_ports(1)
    ports = {"gateway": Port(number, "THE_PORT")}
    with claimed(ports), pytest.raises(DemoError, match="is in use by another demo that is starting"):
        claimed(ports).__enter__()
    with claimed(ports):
        pass


def test_one_variable_moves_every_port_and_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_PORT_BASE", "21000")
    demo, sandbox = with_port_base(DemoSettings(), Settings())
    numbers = [getattr(demo if hasattr(demo, name) else sandbox, name) for name in PORTS]
    assert numbers == list(range(21000, 21000 + len(PORTS)))
    assert str(demo.run_dir) == ".run/21000"


def test_a_port_that_is_set_itself_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("DEMO_PORT_BASE", "21000"), ("SANDBOX_CONTROL_PORT", "1"), ("SANDBOX_AUTH_PORT", "2")):
        monkeypatch.setenv(name, value)
    demo, sandbox = with_port_base(DemoSettings(), Settings())
    assert (demo.gateway_port, demo.control_port, sandbox.auth_port, sandbox.request_port) == (21000, 1, 2, 21004)


def test_every_port_of_the_settings_is_moved() -> None:
    demo, sandbox = DemoSettings.model_fields.keys(), Settings.model_fields.keys()
    own = {"port_base", "otlp_receiver_port"}  # the second is a free one, chosen at each start
    assert {name for name in demo | sandbox if re.search(r"_port$", name)} - own == set(PORTS)
