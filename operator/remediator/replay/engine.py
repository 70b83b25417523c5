"""Replay: each observation through the incident loop, with every action assumed as accepted."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from remediator.api.policy import Action, Policy
from remediator.api.remediation import Phase, Remediation
from remediator.decide.decision import ActResult, Decision, Intent, Opening, Outcome
from remediator.decide.machine import decide
from remediator.decide.observed import Observed
from remediator.loop import Decider, Execution, IncidentLoop, MemoryStore, run_at_once
from remediator.replay.recording import Observation
from remediator.replay.world import RecordedWorld

START = datetime(1970, 1, 1, tzinfo=UTC)
"""Before every recording."""


@dataclass(frozen=True, slots=True)
class Line:
    """One decision of a replay; ``remediation`` and ``phase`` are ``None`` where no incident began."""

    at: datetime
    remediation: str | None
    phase: Phase | None
    action: Action
    pods: tuple[str, ...]
    replicas: int | None
    reason: str
    message: str


class Replay:
    """One policy in a recorded world: the world, the actuator and the reporter of its incident loop."""

    def __init__(self, policy: Policy, *, decider: Decider = decide) -> None:
        self.policy = policy
        self._store = MemoryStore()
        self._world = RecordedWorld(policy)
        self._observation = Observation(at=START)
        self._lines: list[Line] = []
        self._last_refusal = ""
        self._ignored_reasons: set[str] = set()
        self._loop = IncidentLoop(
            world=self,
            store=self._store,
            actuator=self,
            reporter=self,
            clock=lambda: self._observation.at,
            decider=decider,
        )

    @property
    def remediations(self) -> list[Remediation]:
        """The remediations so far."""
        return self._store.remediations

    def run(self, observations: Iterable[Observation]) -> Iterator[Line]:
        """Yield the decisions about a whole recording."""
        for observation in observations:
            yield from self.step(observation)

    def step(self, observation: Observation) -> list[Line]:
        """Return the decisions about one observation. The effect of an action is in the next observation."""
        self._observation, self._lines = observation, []
        run_at_once(self._step())
        return self._lines

    async def _step(self) -> None:
        remediation = self._store.active
        if remediation is None:
            _, remediation = await self._loop.open(self.policy)
        if remediation is not None:
            await self._loop.advance(self.policy, remediation)

    def observe(self, _policy: Policy, current: str) -> Observed:
        """Return what the recording's line says."""
        return self._world.observe(self._observation, self.remediations, current)

    async def execute(self, _policy: Policy, _remediation: Remediation, intent: Intent) -> Outcome:
        """Take the action as accepted; nothing of the recording changes."""
        self._world.carried_out(intent)
        return Outcome(ActResult.ACCEPTED, "Assumed as accepted: a replay carries nothing out.")

    def opened(self, _policy: Policy, opening: Opening) -> None:
        """Add the line of an incident that starts, or of the reason why none does, once while it lasts."""
        now = self._observation.at
        if opening.remediation is not None:
            self._last_refusal = ""
            self._lines.append(_line(now, opening.remediation, opening.reason, opening.message))
        elif opening.idle:
            self._last_refusal = ""
        elif opening.reason != self._last_refusal:
            self._last_refusal = opening.reason
            self._lines.append(Line(now, None, None, Action.NONE, (), None, opening.reason, opening.message))

    def decided(self, _policy: Policy, remediation: Remediation, decision: Decision) -> None:
        """Add the lines of a decision and of the alerts that it ignores."""
        now = self._observation.at
        for alert in decision.ignored:
            if alert.reason not in self._ignored_reasons:
                self._ignored_reasons.add(alert.reason)
                self._lines.append(_line(now, remediation, alert.reason, alert.message))
        if decision.announce:
            self._lines.append(_line(now, remediation, decision.reason, decision.message, decision))

    def executed(self, _policy: Policy, remediation: Remediation, execution: Execution) -> None:
        """Add the line of a result."""
        decision = execution.decision
        if decision.announce:
            self._lines.append(_line(self._observation.at, remediation, decision.reason, decision.message, decision))


def _line(now: datetime, remediation: Remediation, reason: str, message: str, decision: Decision | None = None) -> Line:
    return Line(
        at=now,
        remediation=remediation.name,
        phase=remediation.status.phase,
        action=decision.action if decision else Action.NONE,
        pods=decision.pods if decision else (),
        replicas=decision.replicas if decision else None,
        reason=reason,
        message=message,
    )
