import asyncio
import time
from collections.abc import Callable

import psutil

from app.core.resources import EventLoopLag, ProcessUsage, memory_bytes

Sample = Callable[..., float]


async def test_a_blocked_loop_shows_in_the_histogram(sample: Sample) -> None:
    lag = EventLoopLag()
    below, count = sample("event_loop_lag_seconds_bucket", le="0.1"), sample("event_loop_lag_seconds_count")
    lag.start()
    await asyncio.sleep(0.02)
    time.sleep(0.2)  # noqa: ASYNC251 - blocking the loop is what is tested
    await asyncio.sleep(0.02)
    await lag.stop()
    over = (sample("event_loop_lag_seconds_count") - count) - (
        sample("event_loop_lag_seconds_bucket", le="0.1") - below
    )
    # Not exactly one: the machine may stall the loop too.
    assert over >= 1


def test_memory_follows_an_allocation_and_its_parts_sum_up() -> None:
    process = psutil.Process()
    before = memory_bytes(process)
    kept = bytearray(b"x" * 100_000_000)
    after = memory_bytes(process)
    assert 90e6 < after["rss"] - before["rss"] < 130e6
    assert after["heap"] - before["heap"] > 90e6
    assert after["heap"] + after["external"] == after["rss"]
    assert abs(after["rss"] - process.memory_info().rss) < 5e6
    assert len(kept) == 100_000_000


class BusyProcess(psutil.Process):
    """This process, with a known CPU usage since the last call."""

    def cpu_percent(self, interval: float | None = None) -> float:
        return 37.5


async def test_the_gauges_are_the_process_s_own(sample: Sample) -> None:
    await ProcessUsage(BusyProcess()).sample()
    assert sample("cpu_usage_percent") == 37.5
    assert abs(sample("memory_usage_bytes", type="rss") - psutil.Process().memory_info().rss) < 5e6
