"""Output of the demo: in colour on a terminal, plain elsewhere."""

import os
import sys
import textwrap
from pathlib import Path
from typing import TextIO

from sandbox.traffic.user_client import BotMessage

_DIM, _BOLD, _GREEN, _CYAN, _RESET = "\x1b[2m", "\x1b[1m", "\x1b[32m", "\x1b[36m", "\x1b[0m"
WIDTH = 96


class OutputClosedError(OSError):
    """The terminal was closed, or the program at the other end of the pipe has ended."""


class Terminal:
    """Writes and flushes lines, so that a pipe shows them at once."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._colour = stream.isatty() and "NO_COLOR" not in os.environ

    def line(self, text: str = "") -> None:
        """Write a line.

        Raises:
            OutputClosedError: nobody can read it; what is written later is dropped.
        """
        try:
            print(text, file=self._stream, flush=True)
        except OSError as error:
            self._stream = Path(os.devnull).open("w")  # noqa: SIM115 - until the process ends
            os.dup2(self._stream.fileno(), sys.stdout.fileno())  # or the interpreter fails to flush at its end
            raise OutputClosedError("its output can no longer be written") from error

    def title(self, text: str) -> None:
        self.line()
        self.line(self._paint(text, _BOLD))

    def to_bot(self, text: str) -> None:
        """Print a user's message."""
        self.line(self._paint(f"  → {text}", _GREEN))

    def from_bot(self, message: BotMessage) -> None:
        """Print a message of the bot with its buttons."""
        for number, text in enumerate(message.text.splitlines() or [""]):
            head = "  ← " if number == 0 else "    "
            for part in textwrap.wrap(text, WIDTH - 4) or [""]:
                self.line(head + part)
                head = "    "
        if message.buttons:
            buttons = " ".join(f"[{button.text}]" for button in message.buttons)
            self.line(
                "\n".join(
                    textwrap.wrap(self._paint(buttons, _CYAN), WIDTH, initial_indent="    ", subsequent_indent="    ")
                )
            )

    def note(self, text: str) -> None:
        """Print a dimmed line."""
        self.line(self._paint(text, _DIM))

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_RESET}" if self._colour else text
