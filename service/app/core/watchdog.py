"""Says where an event loop is stuck. A stuck loop cannot log; a thread beside it can."""

import asyncio
import faulthandler
import sys
import threading
import time

import structlog

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Watchdog:
    """Dumps every thread's stack to standard error once for each time that the loop stands still for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last_sign = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    async def stop(self) -> None:
        """End the thread."""
        self._stop.set()
        await asyncio.to_thread(self._thread.join)

    async def sign(self) -> None:
        """The loop runs; to be awaited more often than every `seconds`."""
        self._last_sign = time.monotonic()

    def _watch(self) -> None:
        told = False
        while not self._stop.wait(self._seconds / 4):
            stuck = time.monotonic() - self._last_sign > self._seconds
            if stuck and not told:
                log.error("event_loop_stuck", seconds=self._seconds)
                faulthandler.dump_traceback(sys.__stderr__ or 2, all_threads=True)
            told = stuck
