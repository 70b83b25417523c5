"""Ties a child process to the life of its parent: when the parent dies, however it dies, the kernel kills the child.

`tied` puts this file before a command. It then runs as a program of its own, sets its parent-death signal (prctl(2),
Linux only) and becomes the command; the process id stays. Elsewhere than on Linux the command is returned as it is, and
a child outlives a parent that was killed.

The signal comes when the *thread* that started the child ends. A child that is started from another thread than the
main one is therefore started with `from_lasting_thread`.
"""

import os
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

PR_SET_PDEATHSIG = 1  # linux/prctl.h
T = TypeVar("T")

_starter = ThreadPoolExecutor(max_workers=1, thread_name_prefix="starts-children")


def tied(command: Sequence[str], signal_number: int = 9) -> list[str]:
    """Return the command that ends with this process, by SIGKILL unless another signal is given."""
    if not sys.platform.startswith("linux"):
        return list(command)
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), str(signal_number), *command]


def from_lasting_thread(start: Callable[[], T]) -> T:
    """Call it in a thread that lives as long as this process."""
    return _starter.submit(start).result()


def _become(parent: int, signal_number: int, command: list[str]) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before the signal was set
        os.kill(os.getpid(), signal_number)
    try:
        os.execvp(command[0], command)  # noqa: S606 - the caller's own arguments
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    _become(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])
