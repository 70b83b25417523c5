"""Runs a program for a recipe of the Makefile so that it ends when make does, however make ends.

Usage: with_make.py PID-OF-MAKE COMMAND... (``$$PPID`` in a recipe that starts with ``exec``).

make itself does not end what it runs: killed, it leaves it behind; after SIGINT or SIGHUP to make alone it waits for
it, for it takes for granted that the terminal has sent the signal to everybody. Linux only; elsewhere signals are
passed on and nothing more.
"""

import ctypes
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "sandbox"))

from sandbox.tied import PR_SET_PDEATHSIG, tied

LOOK_SECONDS = 0.5
ASKS_TO_END = (signal.SIGINT, signal.SIGHUP, signal.SIGTERM)


def main(make: int, command: list[str]) -> int:
    """Run the command to its end and return its status, as a shell counts it."""
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != make:
            return 128 + signal.SIGTERM
    program = subprocess.Popen(tied(command, signal.SIGTERM))  # noqa: S603 - the Makefile's own arguments

    def end(_number: int, _frame: FrameType | None) -> None:
        program.terminate()

    for number in ASKS_TO_END:
        signal.signal(number, end)
    caught_at_first = _caught(make)
    while True:
        try:
            status = program.wait(LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            # Told to end, make takes its handlers off and waits (fatal_error_signal in its commands.c).
            if caught_at_first & ~_caught(make):
                program.terminate()
            continue
        return status if status >= 0 else 128 - status


def _caught(pid: int) -> int:
    """Return the signals that a process has handlers for, as the mask of proc(5); 0 where that is not to be had."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith("SigCgt:")).split()[1], 16)
    except (OSError, StopIteration):
        return 0


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
