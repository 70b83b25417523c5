"""One queue and one writer a target: who is answered by which round."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from remediator.api.policy import TargetRef
from remediator.kube import KubeError, UnavailableError
from remediator.metrics import Metrics
from remediator.reconcile.reconciler import ReconcileResult
from remediator.reconcile.worker import TargetWorker


class Reconciler:
    """Counts rounds; each waits for its turn to end."""

    def __init__(self) -> None:
        self.begun = 0
        self.running = 0
        self.most = 0
        self.polled = 0
        self.error: KubeError | None = None
        self.result = ReconcileResult()
        self.go = asyncio.Event()

    async def run(self, ref: TargetRef, *, poll: bool = False) -> ReconcileResult:
        self.begun += 1
        self.polled += poll
        self.running += 1
        self.most = max(self.most, self.running)
        await self.go.wait()
        self.running -= 1
        if self.error is not None:
            raise self.error
        return self.result


@asynccontextmanager
async def running(reconciler: Reconciler) -> AsyncIterator[TargetWorker]:
    worker = TargetWorker(
        ref=TargetRef(name="web"),
        reconciler=reconciler,
        metrics=Metrics(CollectorRegistry()),
        clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        monotonic=lambda: 0.0,
        interval=timedelta(hours=1),
    )
    task = asyncio.create_task(worker.run())
    try:
        yield worker
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_storm_of_requests_is_two_rounds_and_never_two_at_once() -> None:
    reconciler = Reconciler()
    async with running(reconciler) as worker:
        first = asyncio.create_task(worker.round())
        await settle()
        late = [asyncio.create_task(worker.round()) for _ in range(100)]
        await settle()
        assert reconciler.begun == 1
        reconciler.go.set()
        await asyncio.gather(first, *late)
        assert (reconciler.begun, reconciler.most) == (2, 1)


async def test_error_of_a_round_reaches_everyone_who_waited_for_it() -> None:
    reconciler = Reconciler()
    reconciler.error = UnavailableError("write", None, "away")
    reconciler.go.set()
    async with running(reconciler) as worker:
        answers = await asyncio.gather(worker.round(), worker.round(), return_exceptions=True)
    assert answers == [reconciler.error, reconciler.error]


async def test_round_whose_time_has_come_polls_first() -> None:
    reconciler = Reconciler()
    reconciler.result = ReconcileResult(wake_at=datetime(2026, 1, 1, tzinfo=UTC), at_work=True)
    reconciler.go.set()
    async with running(reconciler) as worker:
        await worker.round()
        assert reconciler.polled == 0
        await worker.round()
        assert reconciler.polled == 1


@pytest.fixture
def endless_spacing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pause between rounds that no test lives to see the end of."""
    monkeypatch.setattr("remediator.reconcile.worker.MIN_SPACING_SECONDS", 3600.0)


@pytest.mark.usefixtures("endless_spacing")
async def test_waiter_does_not_wait_for_the_pause_between_rounds() -> None:
    reconciler = Reconciler()
    reconciler.go.set()
    async with running(reconciler) as worker:
        for _ in range(20):
            await worker.round()
        assert reconciler.begun == 20


@pytest.mark.usefixtures("endless_spacing")
async def test_requests_that_nobody_waits_for_are_spaced() -> None:
    reconciler = Reconciler()
    reconciler.go.set()
    async with running(reconciler) as worker:
        for _ in range(20):
            worker.wake()
            await settle()
        assert reconciler.begun == 1


async def test_waiter_who_gave_up_does_not_stop_the_worker() -> None:
    reconciler = Reconciler()
    async with running(reconciler) as worker:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await worker.round()
        reconciler.go.set()
        assert await worker.round() == reconciler.result
