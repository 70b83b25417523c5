"""Many incidents, on every core, and what they come to by class of failure."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from remediator.api.policy import Policy
from remediator.decide.machine import decide
from remediator.loop import Decider
from remediator.simulate.incident import Incident
from remediator.simulate.judge import Verdict
from remediator.simulate.scenario import Failure, draw

CHUNK = 25
KINDS = ("harmful", "regret", "false_success", "silent", "missed")
"""What the judges object to; of regret and missed a share is tolerated."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What to simulate."""

    policy: Policy
    seed: int
    incidents: int
    replicas: tuple[int, int] = (2, 12)
    decider: Decider = decide


@dataclass(slots=True)
class Row:
    """The incidents of one class of failure, or all of them."""

    name: str
    incidents: int = 0
    acted: int = 0
    actions: int = 0
    repaired: int = 0
    objections: dict[str, int] = field(default_factory=lambda: dict.fromkeys(KINDS, 0))
    """How many incidents have at least one, by kind."""
    seconds: list[float] = field(default_factory=list)
    """From the failure to the first action."""

    def add(self, verdict: Verdict) -> None:
        """Count one incident."""
        self.incidents += 1
        self.acted += bool(verdict.actions)
        self.actions += verdict.actions
        self.repaired += verdict.repaired
        for kind in KINDS:
            self.objections[kind] += bool(getattr(verdict, kind))
        if verdict.acted_after is not None:
            self.seconds.append(verdict.acted_after)

    @property
    def seconds_to_action(self) -> float | None:
        """The median."""
        return median(self.seconds) if self.seconds else None

    def as_json(self) -> dict[str, Any]:
        """Return the row as JSON has it."""
        return {
            "failure": self.name,
            "incidents": self.incidents,
            "acted": self.acted,
            "actions": self.actions,
            "repaired": self.repaired,
            **{kind: self.objections[kind] for kind in KINDS},
            "secondsToAction": self.seconds_to_action,
        }


@dataclass(slots=True)
class Result:
    """What a batch came to."""

    rows: list[Row]
    total: Row
    findings: list[dict[str, Any]]
    """Each incident that a judge objects to, with the objections."""

    @property
    def sound(self) -> bool:
        """Whether nothing happened that must never happen."""
        return not any(self.total.objections[kind] for kind in ("harmful", "false_success", "silent"))


def run_batch(batch: Batch, *, workers: int | None = None, progress: Callable[[int], None] = lambda _: None) -> Result:
    """Simulate all incidents; ``progress`` is told how many are done."""
    rows = {failure: Row(failure.value) for failure in Failure}
    total = Row("all")
    findings: list[dict[str, Any]] = []
    for index, verdict in _verdicts(batch, workers or os.cpu_count() or 1):
        scenario = draw(batch.seed, index, batch.replicas)
        rows[scenario.failure].add(verdict)
        total.add(verdict)
        objections = {kind: getattr(verdict, kind) for kind in KINDS if getattr(verdict, kind)}
        if objections:
            findings.append({**scenario.describe(), **objections})
        progress(total.incidents)
    return Result([row for row in rows.values() if row.incidents], total, findings)


def _verdicts(batch: Batch, workers: int) -> Iterator[tuple[int, Verdict]]:
    starts = range(0, batch.incidents, CHUNK)
    if workers == 1:
        for start in starts:
            yield from _run_chunk(batch, start)
        return
    with ProcessPoolExecutor(workers) as pool:
        for found in pool.map(_run_chunk, [batch] * len(starts), starts):
            yield from found


def _run_chunk(batch: Batch, start: int) -> list[tuple[int, Verdict]]:
    return [
        (index, Incident(batch.policy, draw(batch.seed, index, batch.replicas), batch.decider).run())
        for index in range(start, min(start + CHUNK, batch.incidents))
    ]
