import asyncio
import time

import pytest
from structlog.testing import capture_logs

from app.core.watchdog import Watchdog


async def test_a_stuck_loop_has_its_stack_dumped_once(capfd: pytest.CaptureFixture[str]) -> None:
    watchdog = Watchdog(0.05)
    with capture_logs() as logs:
        watchdog.start()
        await watchdog.heartbeat()
        _stuck_here()
        await watchdog.stop()
    assert [entry["event"] for entry in logs] == ["event_loop_stuck"]
    assert "_stuck_here" in capfd.readouterr().err


async def test_a_running_loop_is_left_alone() -> None:
    watchdog = Watchdog(5)
    with capture_logs() as logs:
        watchdog.start()
        await watchdog.heartbeat()
        await asyncio.sleep(0)
        await watchdog.stop()
    assert logs == []


def _stuck_here() -> None:
    time.sleep(0.3)
