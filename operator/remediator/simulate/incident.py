"""One incident from its start to its end: a world, a store and an actuator of the incident loop."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from remediator.api.policy import Mode, Policy
from remediator.api.remediation import Remediation, RemediationStatus
from remediator.decide.action_history import history
from remediator.decide.decision import ActResult, Decision, Intent, Opening, Outcome
from remediator.decide.machine import decide
from remediator.decide.observed import Observed
from remediator.loop import Decider, Execution, IncidentLoop, MemoryStore, UnsettledError, run_at_once
from remediator.simulate.cluster import Cluster, moment
from remediator.simulate.judge import Judge, Verdict
from remediator.simulate.scenario import FOREVER, Scenario, Trouble
from remediator.simulate.sensors import TICK, Sensors

AFTERWARDS = 45 * 60.0
"""How long an incident is looked at after the failure, or after its start where nothing else ends it."""


Distortion = Callable[[Observed, datetime], Observed]
"""What a decider that lacks a condition makes of the readings."""


class _Killed(Exception):  # noqa: N818 - it is no error: the process is gone
    """The operator is killed."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was read at one tick."""

    at: float
    observed: Observed


class Incident:
    """Runs one scenario with one policy."""

    def __init__(
        self, policy: Policy, scenario: Scenario, decider: Decider = decide, distort: Distortion | None = None
    ) -> None:
        spec = policy.spec.model_copy(update={"mode": Mode.ENFORCE})
        self.policy = policy.model_copy(update={"spec": spec})
        self.scenario = scenario
        random = Random(f"{scenario.name}/world")  # noqa: S311 - a simulation must be repeatable
        self.cluster = Cluster(scenario, random)
        self.sensors = Sensors(self.cluster, random, labels_of(policy))
        self.judge = Judge(self.policy, self.cluster)
        self.looks: list[Look] = []
        self._distort = distort
        self._store = MemoryStore(_as_written)
        self._changed_at: datetime | None = None
        self._kill_in: int | None = None
        self._killed: set[float] = set()
        self._loop = IncidentLoop(
            world=self, store=self._store, actuator=self, reporter=self, clock=self._clock, decider=decider
        )

    def run(self) -> Verdict:
        """Let it happen, and return what the judges say."""
        scenario = self.scenario
        last = max([item.end for item in scenario.troubles if item.end < FOREVER] + [scenario.start])
        over = max(last, scenario.end if scenario.end < FOREVER else scenario.start)
        now = 0.0
        while now < over + AFTERWARDS:
            self.cluster.advance(now)
            self.sensors.advance(now)
            self._arm()
            # The running operator logs decisions that do not settle, and tries again at the next round.
            with suppress(_Killed, UnsettledError):
                run_at_once(self._reconcile())
            quiet = self._store.active is None and not self.sensors.alertmanager.list()
            if quiet and now > over + 300:
                break
            now += TICK
        return self.judge.close(self._store.active, self._changed_at, self._store.remediations)

    async def _reconcile(self) -> None:
        remediation = self._store.active
        if remediation is None:
            _, remediation = await self._loop.open(self.policy)
        for _ in range(20):
            if remediation is None or not remediation.active:
                return
            progress = await self._loop.advance(self.policy, remediation)
            remediation = progress.remediation
            if progress.result is not ActResult.ACCEPTED:
                return

    def _clock(self) -> datetime:
        jumped = sum(item.number for item in self.scenario.troubles if self._has_jumped(item.trouble, item.start))
        return moment(self.cluster.now) + timedelta(seconds=jumped)

    def _has_jumped(self, trouble: Trouble, start: float) -> bool:
        return trouble is Trouble.CLOCK_JUMPS and self.cluster.now >= start

    def _arm(self) -> None:
        """Choose after which of the loop's next steps the operator is killed, once for each such trouble."""
        for item in self.scenario.troubles:
            if item.trouble is Trouble.OPERATOR_KILLED and self.cluster.now >= item.start not in self._killed:
                self._killed.add(item.start)
                self._kill_in = item.number % 6

    def _survive(self) -> None:
        if self._kill_in is not None:
            self._kill_in -= 1
            if self._kill_in < 0:
                self._kill_in = None
                raise _Killed

    # -- the world, the actuator and the reporter of the incident loop

    def observe(self, _policy: Policy, current: str) -> Observed:
        """Return what the sensors say."""
        self._survive()
        observed = self.sensors.observe(self._clock())
        observed = replace(observed, history=history(self._store.remediations, without=current))
        self.judge.look(observed, active=self._store.active is not None)
        if not self.looks or self.looks[-1].at < self.cluster.now:
            self.looks.append(Look(self.cluster.now, observed))
        # The judge has seen the readings as they are.
        return observed if self._distort is None else self._distort(observed, self._clock())

    async def execute(self, _policy: Policy, _remediation: Remediation, intent: Intent) -> Outcome:
        """Carry out an intent, unless the API server refuses it."""
        self._survive()
        if self.cluster.has(Trouble.REFUSED) is not None:
            return Outcome(ActResult.REFUSED, "403: forbidden")
        if self.cluster.has(Trouble.BUSY) is not None:
            return Outcome(ActResult.BLOCKED, "429: the disruption budget needs more healthy pods")
        self.judge.act(intent)
        done = self.cluster.carry_out(intent)
        self._survive()
        if self.cluster.has(Trouble.ANSWER_LOST) is not None:
            return Outcome(ActResult.UNAVAILABLE, "500: timeout")
        return Outcome(ActResult.ACCEPTED if done else ActResult.ALREADY_DONE, "")

    def opened(self, _policy: Policy, opening: Opening) -> None:
        """Note when the incident last changed."""
        if opening.remediation is not None:
            self._changed_at = moment(self.cluster.now)

    def decided(self, _policy: Policy, remediation: Remediation, decision: Decision) -> None:
        """Judge an end."""
        if decision.announce:
            self._changed_at = moment(self.cluster.now)
        if not remediation.active:
            self.judge.ended(remediation)

    def executed(self, _policy: Policy, _remediation: Remediation, _execution: Execution) -> None:
        """Nothing is kept of a result."""


def labels_of(policy: Policy) -> dict[str, str]:
    """Return the labels that the chart's rule gives the alert of a policy's target."""
    name = policy.spec.target_ref.name
    return {
        "service": "bot-gateway",
        "gateway": name,
        "namespace": policy.namespace or "default",
        "severity": "warning",
    }


def _as_written(status: RemediationStatus) -> RemediationStatus:
    """Go through the object's JSON, as the API server's storage does."""
    return RemediationStatus.model_validate(status.to_object())
