"""What the demo prints: in colour on a terminal, plain elsewhere."""

import os
import sys
import textwrap
from typing import TextIO

from sandbox.traffic.phone import BotMessage

_DIM, _BOLD, _GREEN, _CYAN, _RESET = "\x1b[2m", "\x1b[1m", "\x1b[32m", "\x1b[36m", "\x1b[0m"
WIDTH = 96


class Terminal:
    """Writes lines at once, so that a pipe shows them too."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._colour = stream.isatty() and "NO_COLOR" not in os.environ

    def line(self, text: str = "") -> None:
        """Write a line."""
        print(text, file=self._stream, flush=True)

    def title(self, text: str) -> None:
        """Write a heading."""
        self.line()
        self.line(self._paint(text, _BOLD))

    def to_bot(self, text: str) -> None:
        """Write what a user said."""
        self.line(self._paint(f"  → {text}", _GREEN))

    def from_bot(self, message: BotMessage) -> None:
        """Write what the bot said, with its buttons."""
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
        """Write something aside."""
        self.line(self._paint(text, _DIM))

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_RESET}" if self._colour else text
