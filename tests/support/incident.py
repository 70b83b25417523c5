"""A target in memory for one policy: it carries out what is decided, in virtual time.

It takes the place of the running operator: it opens Remediations, persists each decision, carries out the intent and
records the result, but without an API server, so that hours pass in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from remediator.api.names import Backend, Fingerprint, PodName, PodUid, RemediationName
from remediator.api.policy import Action, Policy
from remediator.api.remediation import Phase, Remediation, RemediationStatus
from remediator.decide.action_history import history
from remediator.decide.decision import (
    ActResult,
    Decision,
    EvictPod,
    Intent,
    Opening,
    Outcome,
    RemoveFieldOwnership,
    RevertScale,
    RolloutRestart,
    Scale,
)
from remediator.decide.machine import decide
from remediator.decide.observed import (
    ABSENT,
    AlertState,
    Autoscaler,
    Observed,
    ObservedAlert,
    ObservedPod,
    SavedBaseline,
    Workload,
)
from remediator.loop import Execution, IncidentLoop, MemoryStore, run_at_once

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
REQUEST = Backend("request")


def make_policy(**spec: Any) -> Policy:
    """Return a policy for Deployment ``gw`` in Enforce mode; ``spec`` as in YAML."""
    body = {
        "mode": "Enforce",
        "targetRef": {"name": "gw"},
        "alerts": ['alertname="CircuitBreakerOpen"'],
        **spec,
    }
    return Policy.from_object({"metadata": {"name": "breaker", "namespace": "bots", "uid": "p"}, "spec": body})


def make_alert(pod: str, *, state: str = "active", since: datetime = START, **labels: str) -> ObservedAlert:
    """Return a CircuitBreakerOpen alert of one pod."""
    everything = {
        "alertname": "CircuitBreakerOpen",
        "namespace": "bots",
        "pod": pod,
        "service_name": "request",
        **labels,
    }
    fingerprint = Fingerprint("-".join(f"{key}.{value}" for key, value in sorted(everything.items())))
    return ObservedAlert(fingerprint, everything, AlertState(state), since)


@dataclass(frozen=True)
class Done:
    """An action that the cluster saw."""

    at: datetime
    intent: Intent
    healthy_after: int


class _Killed(Exception):  # noqa: N818 - it is no error: the process is gone
    """The operator is killed; nothing after it happens."""


@dataclass
class _World:
    """What the loop observes: the target as it is now."""

    target: SimulatedTarget

    def observe(self, _policy: Policy, _current: str) -> Observed:
        """Return the world as it is."""
        return self.target.observe()


def _as_written(status: RemediationStatus) -> RemediationStatus:
    """Go through the object's JSON, as the API server's storage does."""
    return RemediationStatus.model_validate(status.to_object())


class SimulatedTarget:
    """One workload, its alerts, and the Remediations of one policy."""

    def __init__(self, policy: Policy, pods: int = 3, decider: Callable[..., Decision] = decide) -> None:
        self.policy = policy
        self.decider = decider
        self.now = START
        self._starting: set[str] = set()
        self.pods = {f"gw-{index}": self._new_pod(f"gw-{index}", 0) for index in range(pods)}
        self.alerts: dict[tuple[str, str], ObservedAlert] = {}
        self.workload = Workload(
            replicas=pods,
            rollout_complete=True,
            disruptions_allowed=ABSENT,
            autoscaler=ABSENT,
            baseline=ABSENT,
            paused=False,
            allowed=True,
        )
        self.world = Observed()
        self.store = MemoryStore(_as_written)
        self.loop = IncidentLoop(
            world=_World(self),
            store=self.store,
            actuator=self,
            reporter=self,
            clock=lambda: self.now,
            decider=lambda *arguments: self.decider(*arguments),
        )
        self.decisions: list[Decision] = []
        self.done: list[Done] = []
        self.result_of: Callable[[Intent], ActResult] = lambda _: ActResult.ACCEPTED
        self.killed_before_acting = False
        self.killed_after_acting = False

    # -- what happens in the world

    def fire(self, *pods: str, service: str = "request", state: str = "active") -> None:
        """Let the alert fire on pods."""
        for pod in pods:
            alert = make_alert(pod, state=state, since=self.now, service_name=service)
            self.alerts[pod, service] = alert

    def clear(self, *pods: str) -> None:
        """End the alerts of these pods, or of all."""
        for key in [key for key in self.alerts if not pods or key[0] in pods]:
            del self.alerts[key]

    def change(self, **fields: Any) -> None:
        """Change something about the workload."""
        self.workload = replace(self.workload, **fields)

    def pod_ready(self, name: str, *, ready: bool) -> None:
        """Make a pod ready or not; it stays so until it is changed again."""
        self._starting.discard(name)
        self.pods[name] = replace(self.pods[name], ready=ready)

    # -- time

    def run(self, seconds: float, step: float = 15) -> SimulatedTarget:
        """Let time pass; what is due is decided every ``step`` seconds, the first time now."""
        end = self.now + timedelta(seconds=seconds)
        self.settle()
        while self.now < end:
            self.now += timedelta(seconds=step)
            for name in self._starting & set(self.pods):
                self.pods[name] = replace(self.pods[name], ready=True)
            self._starting.clear()
            self.settle()
        return self

    def settle(self) -> None:
        """Decide until nothing changes."""
        with suppress(_Killed):
            run_at_once(self._settle())

    async def _settle(self) -> None:
        if self.active is None:
            await self.loop.open(self.policy)
        for _ in range(50):
            if (
                self.active is None
                or (await self.loop.advance(self.policy, self.active)).result is not ActResult.ACCEPTED
            ):
                return
        raise AssertionError("deciding does not settle")

    def observe(self) -> Observed:
        """Return the world as it is."""
        active = self.active.name if self.active else ""
        return replace(
            self.world,
            alerts=tuple(self.alerts.values()) + self.world.alerts,
            alerts_read_at=self.now if self.world.alertmanager_up else self.world.alerts_read_at,
            workload=self.workload and replace(self.workload, pods=self.workload.pods or tuple(self.pods.values())),
            history=history(self.remediations, without=active) + self.world.history,
        )

    # -- what came of it

    @property
    def remediations(self) -> list[Remediation]:
        """The Remediations, oldest first."""
        return self.store.remediations

    @property
    def active(self) -> Remediation | None:
        """The Remediation that is not terminal."""
        return self.store.active

    @property
    def last(self) -> Remediation:
        """The newest Remediation."""
        return self.remediations[-1]

    @property
    def status(self) -> RemediationStatus:
        """The status of the newest Remediation."""
        return self.last.status

    @property
    def phase(self) -> Phase:
        """The phase of the newest Remediation."""
        return self.status.phase

    @property
    def actions(self) -> list[str]:
        """What the cluster saw, as ``seconds action what``."""
        return [f"{(item.at - START).total_seconds():.0f} {_described(item.intent)}" for item in self.done]

    @property
    def reasons(self) -> list[str]:
        """The reasons of every decision that was news."""
        return [decision.reason for decision in self.decisions if decision.announce]

    def condition(self, kind: str) -> str | None:
        """Return the status of a condition."""
        return next((item.status for item in self.status.conditions if item.type == kind), None)

    # -- the actuator and the reporter of the incident loop

    async def execute(self, _policy: Policy, _remediation: Remediation, intent: Intent) -> Outcome:
        """Carry out an intent, unless the operator is killed before, or after."""
        if self.killed_before_acting:
            self.killed_before_acting = False
            raise _Killed
        result = self.result_of(intent)
        if result is ActResult.ACCEPTED:
            self._carry_out(intent)
        if self.killed_after_acting:
            self.killed_after_acting = False
            raise _Killed
        return Outcome(result, "said the server")

    def opened(self, policy: Policy, opening: Opening) -> None:
        """Nothing is kept of an opening."""

    def decided(self, _policy: Policy, _remediation: Remediation, decision: Decision) -> None:
        """Keep the decision."""
        self.decisions.append(decision)

    def executed(self, _policy: Policy, _remediation: Remediation, execution: Execution) -> None:
        """Keep the decision that a result led to."""
        self.decisions.append(execution.decision)

    def _carry_out(self, intent: Intent) -> None:
        if isinstance(intent, EvictPod):
            gone = next((pod for pod in self.pods.values() if pod.uid == intent.uid), None)
            if gone is not None:
                del self.pods[gone.name]
                self._add_replacement(gone.name)
        elif isinstance(intent, RolloutRestart):
            if self.workload.restarted_for != intent.value:
                for name in list(self.pods):
                    del self.pods[name]
                    self._add_replacement(name)
            self.change(restarted_for=intent.value)
        elif isinstance(intent, Scale | RevertScale):
            self._scale(intent)
        elif isinstance(intent, RemoveFieldOwnership):
            self.change(owned_fields=False, baseline=ABSENT)
        healthy = sum(1 for pod in self.pods.values() if pod.ready and not pod.terminating)
        self.done.append(Done(self.now, intent, healthy))

    def _scale(self, intent: Scale | RevertScale) -> None:
        if not isinstance(self.workload.baseline, SavedBaseline):
            self.change(baseline=SavedBaseline(intent.kind, intent.name, intent.baseline, self.now))
        owner = frozenset({"remediator"})
        if isinstance(self.workload.autoscaler, Autoscaler):
            changed = replace(self.workload.autoscaler, min_replicas=intent.to, managers=owner)
            self.change(autoscaler=changed, owned_fields=True)
        else:
            self.change(replicas=intent.to, managers=owner, owned_fields=True)
        self._match_replicas(max(intent.to, self.workload.replicas or 0))

    def _match_replicas(self, replicas: int) -> None:
        self.change(replicas=replicas)
        if isinstance(self.workload.autoscaler, Autoscaler):
            self.change(replicas=self.workload.autoscaler.min_replicas)
        wanted = self.workload.replicas or 0
        while len(self.pods) > wanted:
            self.pods.popitem()
        while len(self.pods) < wanted:
            self._add_replacement("gw")

    def _add_replacement(self, name: str) -> None:
        number = len(self.done) + len(self.pods) + 1
        fresh = f"{name.split('+')[0]}+{number}"
        while fresh in self.pods:
            fresh += "x"
        self.pods[fresh] = replace(self._new_pod(fresh, number), created_at=self.now, ready=False)
        self._starting.add(fresh)

    @staticmethod
    def _new_pod(name: str, number: int) -> ObservedPod:
        return ObservedPod(PodName(name), PodUid(f"uid-{name}-{number}"), ready=True)


def _described(intent: Intent) -> str:
    if isinstance(intent, EvictPod):
        return f"{Action.RESTART_PODS} {intent.name}"
    if isinstance(intent, RolloutRestart):
        return f"{Action.ROLLOUT_RESTART} {intent.value}"
    if isinstance(intent, Scale):
        return f"{Action.SCALE_OUT} {intent.kind} {intent.from_}->{intent.to}"
    if isinstance(intent, RevertScale):
        return f"{Action.REVERT} {intent.kind} {intent.from_}->{intent.to}"
    return "RemoveFieldOwnership"


def other_remediation_name(number: int) -> RemediationName:
    """Return a name that a Remediation of another policy could have."""
    return RemediationName(f"other-{number}")
