"""The stored data of a run: plain values for JSON. Times are seconds since the fault was injected."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Moment:
    """An action of the drill."""

    at: float
    what: str
    note: str = ""


@dataclass(frozen=True)
class Decision:
    """One decision in a Remediation's status."""

    at: float
    phase: str
    action: str
    reason: str
    message: str


@dataclass(frozen=True)
class Step:
    """One step of a Remediation; simulated in DryRun. ``accepted`` is None if the API server did not accept it."""

    at: float
    accepted: float | None
    action: str
    pods: list[str]
    result: str


@dataclass(frozen=True)
class Users:
    """The effects on users, from the sandbox's ledger.

    A delayed update was handled later than 2 s after it was written; a lost one never. ``affected`` are the updates
    that were late, lost or got an error message.
    """

    updates: int
    delayed: int
    error_messages: int
    affected: int
    lost: int
    repeated_writes: int
    people: int
    people_with_error_message: int


@dataclass(frozen=True)
class Timeline:
    """When each event was first seen from outside; None if it did not happen."""

    breaker_open: float | None
    alert: float | None
    decision: float | None
    action: float | None
    recovered: float | None
    outlier: float | None = None
    """When the replica was first known as an outlier; also None in runs older than that metric."""


@dataclass(frozen=True)
class Bin:
    """Updates written within ten seconds from `at`."""

    at: float
    updates: int
    affected: int


@dataclass(frozen=True)
class Run:
    """One fault on one release."""

    fault: str
    mode: str
    date: str
    victim: str
    removed: float
    ended: float
    timeline: Timeline
    users: Users
    moments: list[Moment]
    decisions: list[Decision]
    steps: list[Step]
    phases: list[str]
    """Phase of every Remediation at the end."""
    replaced_pods: list[str]
    container_restarts: int
    bins: list[Bin] = field(default_factory=list)
    open_breakers: list[tuple[float, int]] = field(default_factory=list)
    firing_alerts: list[tuple[float, int]] = field(default_factory=list)
    other_alerts: list[str] = field(default_factory=list)
    """Alerts that fired and that the policy does not list."""


@dataclass(frozen=True)
class Pair:
    """The same fault at the same moment, without and with the operator."""

    dry_run: Run
    enforce: Run
