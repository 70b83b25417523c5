"""The loop of one incident: open, observe, decide, write the intent, act, record the result.

It is written once, over a world to observe, a store for remediations and an actuator. The running operator, `replay`,
the unit tests of policies and the simulated target of the tests are worlds of it, so that all of them decide alike.
"""

from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol, TypeVar

from remediator.api.policy import Policy
from remediator.api.remediation import Remediation, RemediationStatus
from remediator.decide.decision import ActResult, Decision, Intent, Opening, Outcome
from remediator.decide.machine import decide
from remediator.decide.observed import Observed
from remediator.decide.opening import open_remediation
from remediator.decide.results import record_result

MAX_TRANSITIONS = 100
"""More than any observation can need: it ends a decider that never settles."""
RETRY = timedelta(seconds=5)
DONE = frozenset({ActResult.ACCEPTED, ActResult.ALREADY_DONE})

Decider = Callable[[Policy, Remediation, Observed, datetime], Decision]
T = TypeVar("T")


class UnsettledError(Exception):
    """Deciding about one observation did not settle."""


class World(Protocol):
    """What is observed."""

    def observe(self, policy: Policy, current: str) -> Observed:
        """Return the world for a decision about the remediation of that name; empty: about opening one."""


class RemediationStore(Protocol):
    """Where remediations are kept."""

    @property
    def existing(self) -> Sequence[Remediation]:
        """Every remediation of the namespace, terminal ones too."""

    def exclusively(self) -> AbstractAsyncContextManager[object]:
        """Return a lock under which a decision is made and written."""

    async def create(self, remediation: Remediation, policy: Policy) -> Remediation:
        """Create the remediation with its status, and return it as stored."""

    async def write(self, remediation: Remediation, status: RemediationStatus, policy: Policy) -> Remediation:
        """Write a status, and return the remediation as stored."""


class Actuator(Protocol):
    """What carries out an intent that is already written."""

    async def execute(self, policy: Policy, remediation: Remediation, intent: Intent) -> Outcome:
        """Carry out the intent; doing it twice has the effect of doing it once."""


class Reporter(Protocol):
    """Who is told what was decided."""

    def opened(self, policy: Policy, opening: Opening) -> None:
        """Report an incident that starts, or the reason why none does."""

    def decided(self, policy: Policy, remediation: Remediation, decision: Decision) -> None:
        """Report a decision, which is written already."""

    def executed(self, policy: Policy, remediation: Remediation, execution: "Execution") -> None:
        """Report the result of an intent, which is written already."""


@dataclass(frozen=True, slots=True)
class Execution:
    """One intent and its result, with the times before and after."""

    intent: Intent
    outcome: Outcome
    decision: Decision
    started_at: datetime
    ended_at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an incident was brought by one observation; ``result`` is that of an intent, if one was carried out."""

    remediation: Remediation
    wake_at: datetime | None
    result: ActResult | None = None


class IncidentLoop:
    """Opens and advances the incidents of one world."""

    def __init__(
        self,
        *,
        world: World,
        store: RemediationStore,
        actuator: Actuator,
        reporter: Reporter,
        clock: Callable[[], datetime],
        decider: Decider = decide,
    ) -> None:
        self._world = world
        self._store = store
        self._actuator = actuator
        self._reporter = reporter
        self._clock = clock
        self._decide = decider

    async def open(self, policy: Policy) -> tuple[Opening, Remediation | None]:
        """Decide whether an incident starts; return its remediation as stored where it does."""
        opening = open_remediation(policy, self._store.existing, self._world.observe(policy, ""), self._clock())
        created = await self._store.create(opening.remediation, policy) if opening.remediation is not None else None
        self._reporter.opened(policy, opening)
        return opening, created

    async def advance(self, policy: Policy, remediation: Remediation) -> Progress:
        """Decide until nothing changes any more, or until an action was taken whose effect must be observed first.

        Raises:
            UnsettledError: when the decisions do not settle.
        """
        now = self._clock()
        for _ in range(MAX_TRANSITIONS):
            async with self._store.exclusively():
                observed = self._world.observe(policy, remediation.name)
                decision = self._decide(policy, remediation, observed, now)
                remediation = await self._write(policy, remediation, decision)
            self._reporter.decided(policy, remediation, decision)
            if decision.intent is not None:
                return await self._act(policy, remediation, decision.intent)
            if not remediation.active or not decision.changed:
                return Progress(remediation, decision.wake_at)
        raise UnsettledError(f"deciding about {remediation.name} at {now} did not settle")

    async def _act(self, policy: Policy, remediation: Remediation, intent: Intent) -> Progress:
        started_at = self._clock()
        outcome = await self._actuator.execute(policy, remediation, intent)
        ended_at = self._clock()
        decision = record_result(policy, remediation, intent, outcome.result, outcome.message, ended_at)
        remediation = await self._write(policy, remediation, decision)
        self._reporter.executed(policy, remediation, Execution(intent, outcome, decision, started_at, ended_at))
        retry_at = remediation.status.retry_at or ended_at + RETRY
        return Progress(remediation, ended_at if outcome.result in DONE else retry_at, outcome.result)

    async def _write(self, policy: Policy, remediation: Remediation, decision: Decision) -> Remediation:
        if not decision.changed:
            return remediation
        return await self._store.write(remediation, decision.status, policy)


class MemoryStore:
    """Remediations in a list, in the order of their creation; ``stored`` is what storage makes of a status."""

    def __init__(self, stored: Callable[[RemediationStatus], RemediationStatus] = lambda status: status) -> None:
        self.remediations: list[Remediation] = []
        self._stored = stored

    @property
    def existing(self) -> Sequence[Remediation]:
        """Every remediation."""
        return self.remediations

    @property
    def active(self) -> Remediation | None:
        """The remediation that is not terminal, if there is one."""
        return next((item for item in self.remediations if item.active), None)

    def exclusively(self) -> AbstractAsyncContextManager[object]:
        """Return no lock: there is one writer."""
        return nullcontext()

    async def create(self, remediation: Remediation, _policy: Policy) -> Remediation:
        """Append the remediation."""
        created = remediation.model_copy(update={"status": self._stored(remediation.status)})
        self.remediations.append(created)
        return created

    async def write(self, remediation: Remediation, status: RemediationStatus, _policy: Policy) -> Remediation:
        """Replace the status."""
        index = next(i for i, item in enumerate(self.remediations) if item.name == remediation.name)
        self.remediations[index] = remediation.model_copy(update={"status": self._stored(status)})
        return self.remediations[index]


def run_at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine of worlds in memory, which never waits, without an event loop.

    Raises:
        RuntimeError: when it waits for something after all.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: T = stop.value
        return result
    coroutine.close()
    raise RuntimeError("a world in memory waited for something")
