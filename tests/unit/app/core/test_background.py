import asyncio

from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from app.core.background import Periodic


async def test_it_goes_on_after_failures() -> None:
    failures: list[Exception] = [RedisConnectionError(), ValueError("a bug")]
    done = asyncio.Event()

    async def work() -> None:
        if failures:
            raise failures.pop(0)
        done.set()

    periodic = Periodic("test", work, 0)
    with capture_logs() as logs:
        periodic.start()
        await asyncio.wait_for(done.wait(), 60)
        await periodic.stop()
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [
        ("background_work_failed", "warning"),
        ("background_work_failed", "error"),
    ]


async def test_it_ends_in_mid_run() -> None:
    started = asyncio.Event()

    async def work() -> None:
        started.set()
        await asyncio.Event().wait()

    periodic = Periodic("test", work, 0)
    periodic.start()
    await started.wait()
    await asyncio.wait_for(periodic.stop(), 60)
