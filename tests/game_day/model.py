"""What is kept of a run: plain values that go to JSON and back. Times are seconds since the fault was made."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Moment:
    """Something that the drill did."""

    at: float
    what: str
    note: str = ""


@dataclass(frozen=True)
class Decision:
    """One entry of a Remediation's record of decisions."""

    at: float
    phase: str
    action: str
    reason: str
    message: str


@dataclass(frozen=True)
class Step:
    """One step that a Remediation took; in DryRun it was only pretended. ``accepted`` is None where it was not."""

    at: float
    accepted: float | None
    action: str
    pods: list[str]
    result: str


@dataclass(frozen=True)
class Users:
    """What people went through, by the sandbox's ledger.

    A delayed update was handled later than 2 s after it was written; a lost one never. ``troubled`` are the updates
    that were late, lost or answered with an apology.
    """

    updates: int
    delayed: int
    apologies: int
    troubled: int
    lost: int
    done_twice: int
    people: int
    people_with_apology: int


@dataclass(frozen=True)
class Stages:
    """When each stage was first seen from outside; None where it never came."""

    breaker_open: float | None
    alert: float | None
    decision: float | None
    action: float | None
    recovered: float | None


@dataclass(frozen=True)
class Bin:
    """Updates written within ten seconds from `at`."""

    at: float
    updates: int
    troubled: int


@dataclass(frozen=True)
class Run:
    """One fault on one release."""

    fault: str
    mode: str
    date: str
    victim: str
    undone: float
    ended: float
    stages: Stages
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
    """The same fault at the same moment, without and with the operator's hand."""

    dry_run: Run
    enforce: Run
