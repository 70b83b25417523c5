import asyncio

import pytest

from app.core.tasks import BackgroundTask, cancel_and_wait


async def test_without_a_task_there_is_nothing_to_wait_for() -> None:
    others = asyncio.all_tasks()
    await cancel_and_wait(None)
    assert asyncio.all_tasks() == others
    assert not any(task.cancelling() for task in others)


async def test_it_ends_a_task_that_takes_its_first_cancellation_for_a_timeout() -> None:
    cancellations = 0

    async def work() -> None:
        nonlocal cancellations
        while cancellations < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                cancellations += 1
        raise asyncio.CancelledError

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    await asyncio.wait_for(cancel_and_wait(task), 60)
    assert task.cancelled()
    assert cancellations == 2


async def test_a_failure_is_not_hidden() -> None:
    async def work() -> None:
        raise ValueError("a bug")

    task = asyncio.create_task(work())
    await asyncio.wait({task})
    with pytest.raises(ValueError, match="a bug"):
        await cancel_and_wait(task)


async def test_a_background_task_runs_until_it_is_stopped_and_can_start_again() -> None:
    task = BackgroundTask("work")
    await task.stop()
    for _ in range(2):
        running = asyncio.Event()

        async def work(running: asyncio.Event = running) -> None:
            running.set()
            await asyncio.Event().wait()

        task.start(work())
        await running.wait()
        assert task.started
        await task.stop()
        assert not task.started


async def test_stopping_raises_what_a_background_task_failed_with() -> None:
    async def fail() -> None:
        raise ValueError("a bug")

    task = BackgroundTask("work")
    task.start(fail())
    await asyncio.sleep(0)
    with pytest.raises(ValueError, match="a bug"):
        await task.stop()
