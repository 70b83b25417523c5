"""Exits the process when its graceful shutdown hangs, and logs where.

Without this, Kubernetes would send SIGKILL and leave no trace of the cause.
"""

import asyncio
import faulthandler
import os
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import structlog

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

EXIT_TIMED_OUT = 1
"""Exit status after a shutdown that timed out."""
_REPORT_SECONDS = 1.0
_MAX_TASKS = 50


class ShutdownTimeout:
    """After `start`, the process has `seconds` to exit; then the tasks and threads that hang are logged, and it exits.

    A thread does this, because the loop may be stuck, and because Python joins other threads after the loop has ended.
    """

    def __init__(self, seconds: float, *, exit_process: Callable[[int], None] = os._exit) -> None:
        self._seconds = seconds
        self._exit_process = exit_process
        self._timer: threading.Timer | None = None

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the timer; a second call does not extend it."""
        if self._timer is not None:
            return
        self._timer = threading.Timer(self._seconds, self._expire, (loop,))
        self._timer.daemon = True
        self._timer.start()

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        # In a thread of its own: writing the log may block too.
        reporting = threading.Thread(target=self._report, args=(loop,), daemon=True)
        reporting.start()
        reporting.join(_REPORT_SECONDS)
        self._exit_process(EXIT_TIMED_OUT)

    def _report(self, loop: asyncio.AbstractEventLoop) -> None:
        log.error("shutdown_timed_out", seconds=self._seconds, tasks=_waiting_tasks(loop), threads=_waiting_threads())
        # Tasks tell where they wait; only a stack tells where one runs.
        faulthandler.dump_traceback(sys.__stderr__ or 2, all_threads=True)
        # os._exit does not flush.
        sys.stdout.flush()


def _waiting_tasks(loop: asyncio.AbstractEventLoop) -> dict[str, str]:
    """The call chain of each unfinished task, outermost function first."""
    tasks = sorted(asyncio.all_tasks(loop), key=asyncio.Task.get_name)
    return {task.get_name(): " > ".join(_functions(task.get_coro())) for task in tasks[:_MAX_TASKS]}


def _functions(awaited: Any) -> Iterator[str]:
    while hasattr(awaited, "cr_await"):
        yield awaited.__qualname__
        awaited = awaited.cr_await


def _waiting_threads() -> list[str]:
    """Threads that Python joins before it exits."""
    main = threading.main_thread()
    return [thread.name for thread in threading.enumerate() if not thread.daemon and thread is not main]
