import asyncio
import time
from collections.abc import Callable

import psutil
import pytest

from app.core.resources import EventLoopLag, ProcessUsage, lags, memory_bytes

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


def test_a_loop_that_is_blocked_half_of_the_time_shows_in_the_percentiles() -> None:
    """Blocked for 3 s of every 6 s: a message that arrives at any time waits 1.5 s on average in one half of them."""
    of_a_stall, on_time = lags(3.0), [lag for _ in range(60) for lag in lags(0.001)]
    seen = sorted([*of_a_stall, *on_time])
    assert seen[len(seen) // 2] < 0.1
    assert seen[int(0.95 * len(seen))] > 2.5


def test_a_wake_up_in_time_counts_once_and_a_long_stall_a_bounded_number_of_times() -> None:
    assert lags(0.0) == [0.0]
    assert lags(0.049) == [0.049]
    assert lags(0.12) == pytest.approx([0.12, 0.07, 0.02])
    assert len(lags(3600.0)) == 1201


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
