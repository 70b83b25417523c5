"""Replaying: each observation through ``open_remediation`` and ``decide``, with every action taken as accepted."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from remediator.api.policy import Action, Policy
from remediator.api.remediation import Phase, Remediation
from remediator.decide.decision import ActResult, Decision, Ignored, Opening
from remediator.decide.machine import decide
from remediator.decide.observed import Observed
from remediator.decide.opening import open_remediation
from remediator.decide.results import record_result
from remediator.replay.recording import Observation
from remediator.replay.world import RecordedWorld

Decider = Callable[[Policy, Remediation, Observed, datetime], Decision]

_TRANSITIONS_A_LINE = 100
"""More than any line can need: it ends a decider that never comes to rest."""


class UnsettledError(Exception):
    """Deciding about one observation did not come to rest."""


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
    """The state of one replay: the Remediations so far."""

    def __init__(self, policy: Policy, *, decider: Decider = decide) -> None:
        self.policy = policy
        self.remediations: list[Remediation] = []
        self._decide = decider
        self._world = RecordedWorld(policy)
        self._last_refusal = ""
        self._ignored_reasons: set[str] = set()

    def run(self, observations: Iterable[Observation]) -> Iterator[Line]:
        """Yield the decisions about a whole recording."""
        for observation in observations:
            yield from self.observe(observation)

    def observe(self, observation: Observation) -> Iterator[Line]:
        """Yield the decisions about one observation."""
        now = observation.at
        active = next((item for item in self.remediations if item.active), None)
        observed = self._world.observe(observation, self.remediations, active.name if active else "")
        if active is None:
            opening = open_remediation(self.policy, self.remediations, observed, now)
            if opening.remediation is None:
                yield from self._not_opened(opening, now)
                return
            active = opening.remediation
            self.remediations.append(active)
            self._last_refusal = ""
            yield _line(now, active, opening.reason, opening.message)
            observed = self._world.observe(observation, self.remediations, active.name)
        yield from self._settle(observed, len(self.remediations) - 1, now, observation)

    def _settle(self, observed: Observed, index: int, now: datetime, observation: Observation) -> Iterator[Line]:
        """Decide until nothing changes any more."""
        for _ in range(_TRANSITIONS_A_LINE):
            remediation = self.remediations[index]
            decision = self._decide(self.policy, remediation, observed, now)
            yield from self._news_of_ignored(decision.ignored, remediation, now)
            remediation = self._persist(index, decision)
            if decision.announce:
                yield _line(now, remediation, decision.reason, decision.message, decision)
            if decision.intent is not None:
                self._world.carried_out(decision.intent)
                message = "Taken as accepted: a replay carries nothing out."
                result = record_result(self.policy, remediation, decision.intent, ActResult.ACCEPTED, message, now)
                remediation = self._persist(index, result)
                if result.announce:
                    yield _line(now, remediation, result.reason, result.message, result)
                # What the action changed is seen on the next line only.
                return
            if not decision.changed or not remediation.active:
                return
        raise UnsettledError(f"deciding about {observation.at} did not come to rest")

    def _persist(self, index: int, decision: Decision) -> Remediation:
        remediation = self.remediations[index].model_copy(update={"status": decision.status})
        self.remediations[index] = remediation
        return remediation

    def _not_opened(self, opening: Opening, now: datetime) -> Iterator[Line]:
        if opening.idle:
            self._last_refusal = ""
        elif opening.reason != self._last_refusal:
            self._last_refusal = opening.reason
            yield Line(now, None, None, Action.NONE, (), None, opening.reason, opening.message)

    def _news_of_ignored(self, ignored: Sequence[Ignored], remediation: Remediation, now: datetime) -> Iterator[Line]:
        for alert in ignored:
            if alert.reason not in self._ignored_reasons:
                self._ignored_reasons.add(alert.reason)
                yield _line(now, remediation, alert.reason, alert.message)


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
