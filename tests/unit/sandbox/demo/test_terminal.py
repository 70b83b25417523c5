"""What the demo prints is plain where nobody looks at a terminal."""

import io

import pytest

from sandbox.demo.terminal import Terminal
from sandbox.traffic.user_client import BotMessage, Button

MESSAGE = BotMessage(1, "Hello\nyou", (Button("Yes", "y"), Button("No", "n")))


class Tty(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_plain() -> None:
    stream = io.StringIO()
    terminal = Terminal(stream)
    terminal.to_bot("/start")
    terminal.from_bot(MESSAGE)
    assert stream.getvalue() == "  → /start\n  ← Hello\n    you\n    [Yes] [No]\n"


def test_colour_on_a_terminal_unless_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured = Tty()
    Terminal(coloured).to_bot("/start")
    assert "\x1b[" in coloured.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    plain = Tty()
    Terminal(plain).to_bot("/start")
    assert "\x1b[" not in plain.getvalue()
