"""Metrics of the process: memory, CPU and event-loop lag."""

import asyncio
import time
from functools import partial
from pathlib import Path

import psutil

from app.core import metrics
from app.core.tasks import BackgroundTask

_STATUS = Path("/proc/self/status")
LAG_INTERVAL = 0.05
"""Seconds between measurements; a shorter stall may go unnoticed."""
LONGEST_LAG = 60.0
"""Seconds of one stall that are counted in full; the histogram ends there."""


def lags(late: float) -> list[float]:
    """Return the lag of every wake-up that was due while the loop was blocked, when one wakes up `late` seconds late.

    A blocked loop misses them, so one stall of 3 s would count as one slow wake-up among many fast ones, and no
    percentile would show it. HdrHistogram corrects such coordinated omission in the same way
    (recordValueWithExpectedInterval).
    """
    missed = int(min(late, LONGEST_LAG) / LAG_INTERVAL)
    return [late - number * LAG_INTERVAL for number in range(missed + 1)]


class EventLoopLag:
    """Sleeps for `LAG_INTERVAL` and observes how much later than due it woke up, and would have in between."""

    def __init__(self) -> None:
        self._task = BackgroundTask("event-loop-lag")

    def start(self) -> None:
        self._task.start(self._run())

    async def stop(self) -> None:
        await self._task.stop()

    async def _run(self) -> None:
        observe = metrics.EVENT_LOOP_LAG_SECONDS.observe
        while True:
            due = time.perf_counter() + LAG_INTERVAL
            await asyncio.sleep(LAG_INTERVAL)
            for lag in lags(max(0.0, time.perf_counter() - due)):
                observe(lag)


class ProcessUsage:
    """Reads memory at each scrape and CPU at each call of `sample`."""

    def __init__(self, process: psutil.Process | None = None) -> None:
        self._process = process or psutil.Process()
        self._process.cpu_percent()
        for kind in ("rss", "heap", "external"):
            metrics.MEMORY_USAGE_BYTES.labels(kind).set_function(partial(self._memory, kind))

    async def sample(self) -> None:
        """Export the CPU used since the last call, in percent of one core."""
        metrics.CPU_USAGE_PERCENT.set(self._process.cpu_percent())

    def _memory(self, kind: str) -> float:
        return memory_bytes(self._process)[kind]


def memory_bytes(process: psutil.Process) -> dict[str, float]:
    """`rss`, and its parts: `heap` (anonymous) and `external` (mapped files and shared memory).

    Where the system does not separate them (macOS), all of it is `heap`.
    """
    try:
        fields = dict(line.split(":", 1) for line in _STATUS.read_text("ascii", "replace").splitlines() if ":" in line)
        heap = _kilobytes(fields["RssAnon"])
        external = _kilobytes(fields["RssFile"]) + _kilobytes(fields["RssShmem"])
    except (OSError, KeyError):
        heap, external = float(process.memory_info().rss), 0.0
    return {"rss": heap + external, "heap": heap, "external": external}


def _kilobytes(value: str) -> float:
    return float(value.split()[0]) * 1024
