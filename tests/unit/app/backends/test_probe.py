"""The health probe: its rhythm, its jitter, and that no exception stops it."""

import asyncio
import random

import pytest

from app.backends.probe import HealthProbe


class Enough(Exception):  # noqa: N818 - ends the loop under test
    """Raised by the sleep after the last step."""


async def sleeps(check_seconds: list[float], *, fails: bool = False) -> list[float]:
    """Run one probe per item, each taking that long by the clock; return how long the task slept in between."""
    now, slept, left, ended = [0.0], [], list(check_seconds), asyncio.Event()

    async def check() -> None:
        now[0] += left.pop(0)
        if fails:
            raise ZeroDivisionError

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds
        if not left:
            ended.set()
            raise Enough

    probe = HealthProbe(check, interval=1.0, sleep=sleep, clock=lambda: now[0], rng=random.Random(7))
    probe.start()
    await asyncio.wait_for(ended.wait(), 10)
    with pytest.raises(Enough):
        await probe.close()
    return slept


async def test_it_probes_once_per_interval_however_long_a_probe_takes() -> None:
    first, *rest = await sleeps([0.0, 0.5, 0.9, 1.0, 0.0])
    assert 0 <= first <= 1
    for took, pause in zip([0.0, 0.5, 0.9, 1.0, 0.0], rest, strict=True):
        assert max(0.0, 0.9 - took) <= pause <= max(0.0, 1.1 - took)


async def test_replicas_started_together_do_not_probe_together() -> None:
    assert len(set(await sleeps([0.0] * 50))) == 51


async def test_an_unexpected_exception_does_not_stop_it() -> None:
    assert len(await sleeps([0.0, 0.0, 0.0], fails=True)) == 4


async def test_closing_stops_a_probe_that_hangs() -> None:
    started = asyncio.Event()

    async def hang() -> None:
        started.set()
        await asyncio.Event().wait()

    probe = HealthProbe(hang, interval=0.001)
    probe.start()
    await started.wait()
    await asyncio.wait_for(probe.close(), 5)
