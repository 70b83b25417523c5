import asyncio
import threading
from concurrent.futures import Future

from structlog.testing import capture_logs

from app.core.shutdown_timeout import EXIT_TIMED_OUT, ShutdownTimeout


async def hang() -> None:
    await asyncio.Event().wait()


async def closing() -> None:
    await hang()


async def test_what_hangs_is_named_and_the_process_ended() -> None:
    exits: Future[int] = Future()
    limit = ShutdownTimeout(0.01, exit_process=exits.set_result)
    task = asyncio.create_task(closing(), name="leases")
    thread_ends = threading.Event()
    thread = threading.Thread(target=thread_ends.wait, name="resolver")
    thread.start()
    with capture_logs() as logs:
        limit.start(asyncio.get_running_loop())
        # It is over before this has waited as long again.
        limit.start(asyncio.get_running_loop())
        assert await asyncio.wait_for(asyncio.wrap_future(exits), 60) == EXIT_TIMED_OUT
    [entry] = logs
    assert (entry["event"], entry["log_level"], entry["seconds"]) == ("shutdown_timed_out", "error", 0.01)
    assert entry["tasks"]["leases"] == "closing > hang > Event.wait"
    assert "resolver" in entry["threads"]
    thread_ends.set()
    task.cancel()


def test_a_loop_that_stands_still_is_ended_too() -> None:
    exits: Future[int] = Future()

    async def stand_still() -> None:
        ShutdownTimeout(0.01, exit_process=exits.set_result).start(asyncio.get_running_loop())
        assert exits.result(timeout=60) == EXIT_TIMED_OUT

    asyncio.run(stand_still())
