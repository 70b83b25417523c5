"""The one queue and the one writer of a target.

Whoever wants a round asks for it; requests that come while a round runs are answered by the next one, all at
once. So a storm of alerts costs a round or two, and nobody waits for a round that started before they asked.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from remediator.api.policy import TargetRef
from remediator.kube import KubeError
from remediator.metrics import Metrics
from remediator.reconcile.reconciler import ReconcileResult

RETRY = timedelta(seconds=5)
MIN_SPACING_SECONDS = 0.25

_log = structlog.get_logger(__name__)


class TargetReconciler(Protocol):
    """What runs a round."""

    async def run(self, ref: TargetRef, *, poll: bool = False) -> ReconcileResult:
        """Run one round, with ``poll`` from alerts that are read anew; raises KubeError."""


class TargetWorker:
    """Runs the rounds of one target, one after another."""

    def __init__(
        self,
        *,
        ref: TargetRef,
        reconciler: TargetReconciler,
        metrics: Metrics,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        interval: timedelta,
    ) -> None:
        self.ref = ref
        self.busy_since: float | None = None
        self._reconciler = reconciler
        self._metrics = metrics
        self._clock = clock
        self._monotonic = monotonic
        self._interval = interval
        self._wanted = asyncio.Event()
        self._urgent = asyncio.Event()
        self._waiters: list[asyncio.Future[ReconcileResult]] = []
        self._next: float | None = None
        """When the next round is due, on the monotonic clock."""

    def wake(self) -> None:
        """Ask for a round without waiting for it."""
        self._wanted.set()

    async def round(self) -> ReconcileResult:
        """Ask for a round that starts now or later, and wait for its end; raises KubeError."""
        waiter: asyncio.Future[ReconcileResult] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._wanted.set()
        self._urgent.set()
        return await waiter

    async def run(self) -> None:
        """Run rounds for ever."""
        while True:
            await _either(self._wanted, self._seconds_to_next())
            self._wanted.clear()
            self._urgent.clear()
            waiters, self._waiters = self._waiters, []
            await self._round(waiters)
            # Requests that nobody waits for become one; a waiter, or a clock that runs out, ends the pause.
            await _either(self._urgent, min(self._seconds_to_next() or MIN_SPACING_SECONDS, MIN_SPACING_SECONDS))

    def _seconds_to_next(self) -> float | None:
        return None if self._next is None else max(0.0, self._next - self._monotonic())

    async def _round(self, waiters: list[asyncio.Future[ReconcileResult]]) -> None:
        self.busy_since = self._monotonic()
        # A clock that has run out is decided about with alerts that are newer than it.
        overdue = self._next is not None and self._next <= self.busy_since
        try:
            with self._metrics.reconcile_duration.time():
                result = await self._reconciler.run(self.ref, poll=overdue)
        except KubeError as error:
            _log.warning("round ended early", target=str(self.ref), error=str(error))
            self._metrics.reconcile_errors.labels(type(error).__name__).inc()
            self._next = self._monotonic() + RETRY.total_seconds()
            for waiter in waiters:
                if not waiter.done():
                    waiter.set_exception(error)
            return
        finally:
            self.busy_since = None
        self._next = self._due(result)
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(result)

    def _due(self, result: ReconcileResult) -> float | None:
        """Return when to look again: an active incident at least every interval, because watches can stall."""
        seconds = None if result.wake_at is None else (result.wake_at - self._clock()).total_seconds()
        if result.at_work:
            latest = self._interval.total_seconds()
            seconds = latest if seconds is None else min(seconds, latest)
        return None if seconds is None else self._monotonic() + seconds


async def _either(event: asyncio.Event, seconds: float | None) -> None:
    """Wait for the event, for at most ``seconds``."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
