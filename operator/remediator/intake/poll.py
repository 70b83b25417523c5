"""Polling Alertmanager into the alert store: at an interval, and at once when a decision needs fresh alerts."""

import asyncio
from collections.abc import Callable
from datetime import datetime

import structlog

from remediator.intake.alert_store import AlertStore
from remediator.intake.replicas import AlertSource
from remediator.intake.sources import SourceError
from remediator.metrics import Metrics

_log = structlog.get_logger(__name__)


class Poller:
    """Keeps the alert store up to date; ``alertmanager`` is None where it is not polled."""

    def __init__(
        self,
        *,
        alertmanager: AlertSource | None,
        alert_store: AlertStore,
        metrics: Metrics,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> None:
        self._alertmanager = alertmanager
        self._alert_store = alert_store
        self._metrics = metrics
        self._clock = clock
        self._monotonic = monotonic
        self._polling = asyncio.Lock()
        self._not_before = 0.0
        self._mute_unknown_logged = False

    async def refresh(self) -> None:
        """Poll once; who asks while an earlier poll is in flight waits for one of their own.

        Freshness is compared on the monotonic clock: after the wall clock was set back, an old poll would look new.
        """
        if self._alertmanager is None:
            return
        wanted = self._monotonic()
        async with self._polling:
            done = self._alert_store.asked_at
            if (done is not None and done >= wanted) or self._monotonic() < self._not_before:
                return
            await self._poll(self._alertmanager)

    async def _poll(self, alertmanager: AlertSource) -> None:
        asked_at = self._monotonic()
        try:
            polled = await alertmanager.poll(self._alert_store.receiver)
        except SourceError as error:
            self._alert_store.fail()
            self._not_before = asked_at + error.retry_after
            self._metrics.source_up.labels("alertmanager").set(0)
            _log.warning("Alertmanager not read", error=str(error))
            return
        self._alert_store.replace(polled, asked_at)
        self._metrics.alerts_received.labels("poll").inc(len(polled.alerts))
        self._metrics.alerts_malformed.labels("poll").inc(polled.malformed)
        self._metrics.source_up.labels("alertmanager").set(1)
        self._metrics.last_success.labels("alertmanager").set(self._clock().timestamp())
        if polled.muted is None and polled.alerts and not self._mute_unknown_logged:
            self._mute_unknown_logged = True
            _log.warning(
                "muted routes not known",
                why="no webhook named the receiver yet, or Alertmanager is older than 0.28",
                advice="use the policy's quietWindows, or set REMEDIATOR_RECEIVER",
            )
