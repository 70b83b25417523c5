import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from redis.asyncio import Redis

from app import dead_letters_cli
from app.core.settings import Settings
from app.delivery.dead_letters import DeadLetterReason, DeadLetters
from app.delivery.keys import KeySpace

Make = Callable[..., Settings]


def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    inherited = {name: value for name, value in os.environ.items() if name in ("PATH", "PYTHONPATH", "HOME")}
    return subprocess.run(
        [sys.executable, "-m", "app", *arguments],
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=60,
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
    assert (result.returncode, result.stderr) == (1, "bot-gateway: Redis cannot be reached: ConnectionError\n")


@pytest.fixture
async def letters(redis: Redis) -> DeadLetters:
    return DeadLetters(redis, KeySpace("bg", 42).shared("dead-letters"), limit=100)


async def test_letters_are_listed_and_shown(
    letters: DeadLetters, make_settings: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    await letters.add(b'{"update_id": 7}', DeadLetterReason.INVALID_UPDATE)
    [letter] = await letters.list(1)
    assert await dead_letters_cli.list_letters(make_settings(), 10) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert line.split()[0] == letter.letter_id
    assert "invalid_update" in line
    assert '{"update_id": 7}' in line
    assert await dead_letters_cli.show_letter(make_settings(), letter.letter_id) == 0
    assert '{"update_id": 7}' in capsys.readouterr().out
    assert await dead_letters_cli.show_letter(make_settings(), "1-1") == 1


async def test_a_letter_that_cannot_be_replayed_stays(letters: DeadLetters, make_settings: Make) -> None:
    await letters.add(b"{}", DeadLetterReason.INVALID_UPDATE)
    [letter] = await letters.list(1)
    assert await dead_letters_cli.replay_letter(make_settings(), letter.letter_id, "http://127.0.0.1:1/webhook") == 1
    assert await letters.count_or_nan() == 1
