"""The command line: what goes wrong is one line that names it."""

import os
import socket
from collections.abc import Iterator

import pytest

from sandbox import redis_server
from sandbox.__main__ import main
from sandbox.redis_server import free_port

PORTS = (
    "DEMO_GATEWAY",
    "SANDBOX_CONTROL",
    "SANDBOX_TELEGRAM",
    "SANDBOX_AUTH",
    "SANDBOX_REQUEST",
    "SANDBOX_USER",
    "SANDBOX_SHIFT",
)


@pytest.fixture(autouse=True)
def ports(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PORTS:
        monkeypatch.setenv(f"{name}_PORT", str(free_port()))
    monkeypatch.setenv("DEMO_MONITORING", "false")


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("name", ["SANDBOX_AUTH_PORT", "SANDBOX_CONTROL_PORT", "DEMO_GATEWAY_PORT"])
def test_an_invalid_setting_is_named(monkeypatch, capsys, name: str) -> None:
    monkeypatch.setenv(name, "many")
    assert main(["serve"]) == 2
    assert capsys.readouterr().err.startswith(f"bot-sandbox: {name}: Input should be a valid integer")


def test_serving_on_a_port_in_use(monkeypatch, capsys, taken: int) -> None:
    monkeypatch.setenv("SANDBOX_TELEGRAM_PORT", str(taken))
    assert main(["serve"]) == 1
    errors = capsys.readouterr().err
    assert f"bot-sandbox: port {taken} (telegram) cannot be opened" in errors


def test_the_demo_on_a_port_in_use(monkeypatch, capsys, taken: int) -> None:
    monkeypatch.setenv("DEMO_GATEWAY_PORT", str(taken))
    assert main(["demo"]) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"demo: port {taken} (gateway) is in use by ")
    assert f"(pid {os.getpid()})" in said
    assert said.endswith("or this one with DEMO_GATEWAY_PORT\n")


def test_the_demo_without_a_redis(monkeypatch, capsys) -> None:
    monkeypatch.setattr(redis_server, "_wheel_binary", lambda: None)
    monkeypatch.setenv("PATH", "")
    assert main(["demo"]) == 1
    assert capsys.readouterr().err.startswith("demo: no Redis: ")


def test_traffic_when_the_sandbox_is_unreachable(capsys) -> None:
    assert main(["traffic", "--rate", "1", "--control", "http://127.0.0.1:9"]) == 1
    assert "bot-sandbox: cannot reach the control API at http://127.0.0.1:9" in capsys.readouterr().err


def test_the_demos_help_lists_its_variables(capsys) -> None:
    with pytest.raises(SystemExit):
        main(["demo", "--help"])
    said = capsys.readouterr().out
    for variable in ("DEMO_GATEWAY_PORT=8000", "SANDBOX_CONTROL_PORT=8080", "DEMO_PROMETHEUS_PORT=9090"):
        assert variable in said
