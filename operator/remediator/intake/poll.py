"""Polling Alertmanager into the alert store: at an interval, and at once when a decision needs fresh alerts."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from remediator.intake.alert_store import AlertStore
from remediator.intake.sources import Alertmanager, SourceError
from remediator.metrics import Metrics

_log = structlog.get_logger(__name__)


class Poller:
    """Keeps the alert store up to date; ``alertmanager`` is None where it is not polled."""

    def __init__(
        self,
        *,
        alertmanager: Alertmanager | None,
        alert_store: AlertStore,
        metrics: Metrics,
        clock: Callable[[], datetime],
    ) -> None:
        self._alertmanager = alertmanager
        self._alert_store = alert_store
        self._metrics = metrics
        self._clock = clock
        self._polling = asyncio.Lock()

    async def refresh(self) -> None:
        """Poll once; who asks while a poll that began earlier is under way waits for one of their own."""
        if self._alertmanager is None:
            return
        wanted = self._clock()
        async with self._polling:
            if self._alert_store.polled_at is not None and self._alert_store.polled_at >= wanted:
                return
            await self._poll(self._alertmanager)

    async def _poll(self, alertmanager: Alertmanager) -> None:
        asked_at = self._clock()
        try:
            alerts = await alertmanager.alerts()
        except SourceError as error:
            self._alert_store.fail()
            self._metrics.source_up.labels("alertmanager").set(0)
            _log.warning("Alertmanager not read", error=str(error))
            return
        self._alert_store.replace(alerts, asked_at)
        self._metrics.alerts_received.labels("poll").inc(len(alerts))
        self._metrics.source_up.labels("alertmanager").set(1)
        self._metrics.last_success.labels("alertmanager").set(asked_at.timestamp())
