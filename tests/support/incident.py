"""A target in memory for one policy: it carries out what is decided, in virtual time.

It takes the place of the running operator: it opens Remediations, persists each decision, carries out the intent and
records the result, but without an API server, so that hours pass in milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
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
from remediator.decide.opening import open_remediation
from remediator.decide.results import record_result

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
        self.remediations: list[Remediation] = []
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
        if self.active is None:
            self._open()
        for _ in range(50):
            if self.active is None or not self._once():
                return
        raise AssertionError("deciding does not come to rest")

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
    def active(self) -> Remediation | None:
        """The Remediation at work."""
        return next((item for item in self.remediations if item.active), None)

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

    # -- the operator

    def _open(self) -> None:
        opening = open_remediation(self.policy, self.remediations, self.observe(), self.now)
        if opening.remediation is not None:
            self.remediations.append(self._as_written(opening.remediation))

    def _once(self) -> bool:
        remediation = self.active
        if remediation is None:
            return False
        decision = self.decider(self.policy, remediation, self.observe(), self.now)
        self.decisions.append(decision)
        remediation = self._persist(remediation, decision)
        if decision.intent is None:
            return decision.changed
        if self.killed_before_acting:
            self.killed_before_acting = False
            return False
        result = self.result_of(decision.intent)
        if result is ActResult.ACCEPTED:
            self._carry_out(decision.intent)
        if self.killed_after_acting:
            self.killed_after_acting = False
            return False
        recorded = record_result(self.policy, remediation, decision.intent, result, "said the server", self.now)
        self.decisions.append(recorded)
        self._persist(remediation, recorded)
        return result is ActResult.ACCEPTED

    def _persist(self, remediation: Remediation, decision: Decision) -> Remediation:
        index = next(i for i, item in enumerate(self.remediations) if item.name == remediation.name)
        changed = remediation.model_copy(update={"status": decision.status})
        self.remediations[index] = self._as_written(changed)
        return self.remediations[index]

    def _as_written(self, remediation: Remediation) -> Remediation:
        """Go through the object's JSON, as the API server's storage does."""
        status = RemediationStatus.model_validate(remediation.status.to_object())
        return remediation.model_copy(update={"status": status})

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
