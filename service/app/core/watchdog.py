"""Reports where an event loop is stuck. The loop itself cannot log then, so a thread does."""

import asyncio
import faulthandler
import sys
import threading
import time

import structlog

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)


class Watchdog:
    """Dumps all threads' stacks to standard error once for each time that the loop is stuck for `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last_heartbeat = time.monotonic()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def start(self) -> None:
        self._thread.start()

    async def stop(self) -> None:
        self._stop.set()
        await asyncio.to_thread(self._thread.join)

    async def heartbeat(self) -> None:
        """Prove that the loop runs; must be awaited more often than every `seconds`."""
        self._last_heartbeat = time.monotonic()

    def _watch(self) -> None:
        reported = False
        while not self._stop.wait(self._seconds / 4):
            stuck = time.monotonic() - self._last_heartbeat > self._seconds
            if stuck and not reported:
                log.error("event_loop_stuck", seconds=self._seconds)
                faulthandler.dump_traceback(sys.__stderr__ or 2, all_threads=True)
            reported = stuck
