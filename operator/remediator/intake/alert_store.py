"""The alerts as last known, from the webhook and the poll together.

A poll is a whole assessment and replaces what was known; a webhook adds to it at once. What a webhook said while a
poll was under way is newer than that poll's answer and stays.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from remediator.intake.payload import Received, ReceivedState
from remediator.intake.sources import Polled

WATCHDOG = "Watchdog"
_WATCHDOG_PUSH_VALID = timedelta(minutes=15)
_PUSHED_LIMIT = 20_000
"""Alerts known by webhook alone are bounded, whatever a sender does."""


@dataclass(slots=True)
class _Entry:
    alert: Received
    pushed_at: float | None = None


@dataclass(slots=True)
class AlertStore:
    """Every alert that has not ended, whoever sent it.

    ``polling`` says whether Alertmanager is polled. Without it the store knows nothing for ``grace`` after the
    start: what fired before the restart is sent again only when Alertmanager repeats it. Times are compared on the
    ``monotonic`` clock, so that a wall clock that jumps neither ends nor refreshes an alert.
    """

    clock: Callable[[], datetime]
    monotonic: Callable[[], float]
    polling: bool
    grace: timedelta = timedelta(minutes=6)
    polled_at: datetime | None = None
    """Wall clock of the last successful poll."""
    asked_at: float | None = None
    """When that poll was asked for, on the monotonic clock."""
    started_at: datetime | None = None
    """When Alertmanager started, as it says."""
    receiver: str = ""
    """The operator's receiver in Alertmanager, as the last webhook named it."""
    version: int = 0
    """Grows with everything that is taken in."""
    poll_failed: bool = False
    complete: bool = True
    """Whether every replica of Alertmanager answered the last poll."""
    _entries: dict[str, _Entry] = field(default_factory=dict)
    _ended: dict[str, float] = field(default_factory=dict)
    _watchdog_pushed_at: float | None = None
    _created_at: float = field(init=False)

    def __post_init__(self) -> None:
        self._created_at = self.monotonic()

    def push(self, alerts: Iterable[Received]) -> None:
        """Take what a webhook says."""
        now = self.monotonic()
        self.version += 1
        for alert in alerts:
            if alert.labels.get("alertname") == WATCHDOG:
                self._watchdog_pushed_at = now if alert.state is ReceivedState.ACTIVE else None
            if alert.state is ReceivedState.RESOLVED:
                self._entries.pop(alert.fingerprint, None)
                self._ended[alert.fingerprint] = now
            elif len(self._entries) < _PUSHED_LIMIT or alert.fingerprint in self._entries:
                self._entries[alert.fingerprint] = _Entry(alert, now)
                self._ended.pop(alert.fingerprint, None)
        while len(self._ended) > _PUSHED_LIMIT:
            self._ended.pop(next(iter(self._ended)))

    def replace(self, polled: Polled, asked_at: float) -> None:
        """Take a poll's answer; ``asked_at`` is when it was asked for, on the monotonic clock."""
        found = {
            alert.fingerprint: _Entry(_with_mute(alert, polled.muted))
            for alert in polled.alerts
            if self._ended.get(alert.fingerprint, -math.inf) < asked_at
        }
        for fingerprint, entry in self._entries.items():
            if entry.pushed_at is not None and entry.pushed_at >= asked_at:
                found.setdefault(fingerprint, entry)
        self._entries = found
        self.version += 1
        self._ended = {name: at for name, at in self._ended.items() if at >= asked_at}
        self.asked_at = asked_at
        self.polled_at = self.clock()
        self.started_at = polled.started_at
        self.poll_failed = False
        self.complete = polled.complete

    def fail(self) -> None:
        """Note that a poll had no answer; what was known is held."""
        self.poll_failed = True

    def alerts(self) -> list[Received]:
        """Return all alerts that have not ended."""
        return [entry.alert for entry in self._entries.values()]

    @property
    def read_at(self) -> datetime | None:
        """As of when the alerts are known: the last poll, or now where only webhooks tell."""
        return self.polled_at if self.polling else self.clock()

    @property
    def known(self) -> bool:
        """Whether the alerts are those of now, not only the last known ones."""
        if self.polling:
            return self.polled_at is not None and not self.poll_failed
        return self.monotonic() >= self._created_at + self.grace.total_seconds()

    @property
    def watchdog(self) -> bool:
        """Whether the alert that always fires is there, which proves that Prometheus evaluates its rules."""
        if self.polling:
            return self.known and any(
                entry.alert.labels.get("alertname") == WATCHDOG and entry.alert.state is ReceivedState.ACTIVE
                for entry in self._entries.values()
            )
        pushed = self._watchdog_pushed_at
        return pushed is not None and self.monotonic() - pushed <= _WATCHDOG_PUSH_VALID.total_seconds()


def _with_mute(alert: Received, muted: frozenset[str] | None) -> Received:
    if muted and alert.fingerprint in muted:
        return replace(alert, state=ReceivedState.SUPPRESSED)
    return alert
