import os
import subprocess
import sys
from collections.abc import Callable

import pytest

from app import cli
from app.core.settings import Settings
from app.http_server import CannotListenError

Make = Callable[..., Settings]


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "HOME")}
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_wrong_setting_is_one_line_and_status_2() -> None:
    for environment, message in (
        ({}, "bot-gateway: BOT_TOKEN: is required\n"),
        ({"BOT_TOKEN": "1:a", "PORT": "x"}, "bot-gateway: PORT: "),
    ):
        result = run(**environment)
        assert result.returncode == 2
        assert result.stderr.startswith(message)
        assert result.stderr.count("\n") == 1
        assert result.stdout == ""


def test_an_unreachable_redis_is_one_line() -> None:
    result = run("dead-letters", "list", BOT_TOKEN="1:a", REDIS_URL="redis://127.0.0.1:1/0")
    assert (result.returncode, result.stderr) == (1, "bot-gateway: cannot reach Redis: ConnectionError\n")


def test_a_port_that_is_taken_is_one_line_and_any_other_failure_is_not_called_so(
    make_settings: Make, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings()
    taken = CannotListenError(98, "Address already in use", "127.0.0.1:8001")
    failures = [taken, ConnectionResetError(104, "Connection reset by peer")]

    def fail(_settings: Settings) -> None:
        raise failures.pop(0)

    monkeypatch.setattr(cli, "load_settings", lambda: settings)
    monkeypatch.setattr("app.main.run", fail)
    assert cli.main(["serve"]) == 1
    assert capsys.readouterr().err == "bot-gateway: cannot listen on 127.0.0.1:8001: Address already in use\n"
    with pytest.raises(ConnectionResetError):
        cli.main(["serve"])
