"""Ends the process where its orderly end hangs.

Otherwise Kubernetes would kill it without a word, and whoever looks for the reason later would find none.
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

OVERDUE = 1
"""Exit status of a process that did not end by itself."""
_TELLING_SECONDS = 1.0
_MOST_TASKS = 50


class StopLimit:
    """From `begin` on the process has so many seconds to end by itself; then what hangs is named, and it is ended.

    A thread sees to it: the loop may be stuck, and Python waits for other threads after the loop has ended.
    """

    def __init__(self, seconds: float, *, exit_process: Callable[[int], None] = os._exit) -> None:
        self._seconds = seconds
        self._exit_process = exit_process
        self._timer: threading.Timer | None = None

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """The process has been asked to end; asking again gives it no more time."""
        if self._timer is not None:
            return
        self._timer = threading.Timer(self._seconds, self._end, (loop,))
        self._timer.daemon = True
        self._timer.start()

    def _end(self, loop: asyncio.AbstractEventLoop) -> None:
        # What it is written to may hang too.
        telling = threading.Thread(target=self._tell, args=(loop,), daemon=True)
        telling.start()
        telling.join(_TELLING_SECONDS)
        self._exit_process(OVERDUE)

    def _tell(self, loop: asyncio.AbstractEventLoop) -> None:
        log.error("stop_overdue", seconds=self._seconds, tasks=_waiting_tasks(loop), threads=_waiting_threads())
        # A running task has no place but its thread's.
        faulthandler.dump_traceback(sys.__stderr__ or 2, all_threads=True)
        # The process ends without Python's own flushing.
        sys.stdout.flush()


def _waiting_tasks(loop: asyncio.AbstractEventLoop) -> dict[str, str]:
    """Where each task that has not ended is, from its outermost function inwards."""
    tasks = sorted(asyncio.all_tasks(loop), key=asyncio.Task.get_name)
    return {task.get_name(): " > ".join(_functions(task.get_coro())) for task in tasks[:_MOST_TASKS]}


def _functions(awaited: Any) -> Iterator[str]:
    while hasattr(awaited, "cr_await"):
        yield awaited.__qualname__
        awaited = awaited.cr_await


def _waiting_threads() -> list[str]:
    """Those that Python waits for before it ends."""
    main = threading.main_thread()
    return [thread.name for thread in threading.enumerate() if not thread.daemon and thread is not main]
