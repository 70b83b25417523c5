"""The judges: each action against the readings, and each ending against the truth.

They share no code with deciding. *Harmful* is what a careful person with the same readings would have refused;
*regret* is right by the readings and wrong by the truth.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from remediator.api.policy import Policy
from remediator.api.remediation import GateKind, Phase, Remediation
from remediator.decide.decision import EvictPod, Intent, RolloutRestart, Scale
from remediator.decide.observed import AlertState, Observed, ObservedPod
from remediator.simulate.cluster import Cluster, moment
from remediator.simulate.scenario import CURABLE, SHARED, Failure
from remediator.simulate.sensors import ALERT

FRESH = timedelta(minutes=2)
SILENCE = timedelta(minutes=35)
"""Longer than every bound of the default policy: a wait that is longer and names no reason of a person is silent."""


@dataclass(slots=True)
class Verdict:
    """What the judges say about one incident."""

    harmful: list[str] = field(default_factory=list)
    regret: list[str] = field(default_factory=list)
    false_success: list[str] = field(default_factory=list)
    silent: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    acted_after: float | None = None
    """Seconds from the failure to the first action."""
    actions: int = 0
    repaired: bool = False
    ended: str = ""

    @property
    def defects(self) -> list[str]:
        """Everything that must not be, of the classes that have no tolerated share."""
        return [*self.harmful, *self.false_success, *self.silent]


class Judge:
    """Looks on at one incident."""

    def __init__(self, policy: Policy, cluster: Cluster) -> None:
        self.verdict = Verdict()
        self._policy = policy
        self._cluster = cluster
        self._seen: dict[int, datetime] = {}
        self._acted: list[float] = []
        self._readings = Observed()

    def look(self, readings: Observed, *, active: bool) -> None:
        """Remember what the readings of one look show."""
        self._readings = readings
        now = moment(self._cluster.now)
        if not active:
            limit = now - self._policy.spec.guards.recovery_delay
            self._seen = {slot: at for slot, at in self._seen.items() if at > limit}
            return
        slots = {pod.name: pod.slot for pod in self._cluster.pods}
        for pod in self._pods():
            if pod.name in slots and not pod.terminating and pod.ready and self._shows_failure(pod):
                self._seen[slots[pod.name]] = now

    def act(self, intent: Intent) -> None:
        """Judge an action that is carried out now."""
        if not isinstance(intent, EvictPod | RolloutRestart | Scale):
            return
        verdict, cluster = self.verdict, self._cluster
        verdict.actions += 1
        if verdict.acted_after is None:
            verdict.acted_after = cluster.now - cluster.scenario.start
        objections = list(self._objections(intent))
        self._acted.append(cluster.now)
        verdict.harmful += [f"{cluster.now:.0f} s: {text}" for text in objections]
        if objections or not isinstance(intent, EvictPod):
            return
        pod = next((item for item in cluster.pods if item.uid == intent.uid), None)
        if pod is not None and (cluster.scenario.failure in SHARED or not cluster.is_at_fault(pod)):
            verdict.regret.append(f"{cluster.now:.0f} s: {intent.name} was restarted and was not at fault")

    def ended(self, remediation: Remediation) -> None:
        """Judge the end of a remediation."""
        self.verdict.ended = remediation.status.phase.value
        cluster = self._cluster
        if remediation.status.phase is not Phase.SUCCEEDED:
            return
        if not cluster.is_whole:
            self.verdict.false_success.append(f"{cluster.now:.0f} s: the target is not whole")
        elif cluster.failing and cluster.scenario.failure is not Failure.SLOW:
            names = ", ".join(pod.name for pod in cluster.failing)
            self.verdict.false_success.append(f"{cluster.now:.0f} s: {names} still cannot reach the backend")

    def close(self, active: Remediation | None, changed_at: datetime | None, ended: list[Remediation]) -> Verdict:
        """Judge what has become of the incident when it is no longer looked at."""
        cluster, verdict, scenario = self._cluster, self.verdict, self._cluster.scenario
        verdict.repaired = cluster.is_whole and not cluster.failing
        now = moment(cluster.now)
        if active is not None and changed_at is not None and now - changed_at > SILENCE:
            waits_for_others = active.status.gate in {GateKind.CAUSE, GateKind.PERSON} and bool(cluster.failing)
            if not waits_for_others:
                verdict.silent.append(f"{active.status.phase}, {active.status.reason} since {changed_at:%H:%M:%S}")
        is_clean = not scenario.troubles and scenario.failure in CURABLE
        minority = 2 * len(scenario.victims) <= scenario.replicas and len(scenario.victims) <= 3
        if is_clean and minority and cluster.failing:
            last = ended[-1].status.reason if ended else "no remediation"
            verdict.missed.append(f"{', '.join(pod.name for pod in cluster.failing)} still fails: {last}")
        return verdict

    def _objections(self, intent: Intent) -> list[str]:
        """Return why a careful person with these readings would not act."""
        found: list[str] = []
        readings, guards, now = self._readings, self._policy.spec.guards, self._cluster.now
        workload = readings.workload
        if workload is None or not readings.alertmanager_up or not readings.prometheus_up:
            return ["acted without readings"]
        if workload.paused:
            found.append("acted while the target is paused")
        if not workload.rollout_complete:
            found.append("acted during a rollout")
        alerts = [alert for alert in readings.alerts if alert.labels.get("alertname") == ALERT]
        if any(alert.state is not AlertState.ACTIVE for alert in alerts):
            found.append("acted on a muted or silenced alert")
        if sum(now - at < 3600 for at in self._acted) >= min(
            (item.actions for item in guards.budgets if item.per == timedelta(hours=1)), default=100
        ):
            found.append("acted beyond the budget")
        if isinstance(intent, Scale):
            return found
        ready = [pod for pod in self._pods() if pod.ready and not pod.terminating]
        desired = workload.replicas or 0
        if 2 * len([at for at in self._seen.values() if self._is_recent(at)]) > max(desired, len(ready)):
            found.append("restarted in a failure that the readings show on most pods")
        if isinstance(intent, EvictPod):
            found += self._objections_to_pod(intent, ready, desired)
        return found

    def _objections_to_pod(self, intent: EvictPod, ready: list[ObservedPod], desired: int) -> list[str]:
        found: list[str] = []
        readings, workload = self._readings, self._readings.workload
        pod = next((item for item in self._pods() if item.uid == intent.uid), None)
        if pod is None:
            return ["evicted a pod that is not of the target"]
        fires = any(
            a.pod == pod.name and a.state is AlertState.ACTIVE and a.confirmed is not False for a in readings.alerts
        )
        fresh = self._is_fresh(pod)
        is_open = any((pod.breakers or {}).values())
        if not fires or (fresh and not is_open):
            found.append(f"evicted {pod.name}, which the readings show healthy")
        left = sum(item.uid != pod.uid for item in ready)
        if left < self._policy.spec.guards.least_healthy(desired):
            found.append(f"left {left} of {desired} pods")
        if workload is not None and workload.disruptions_allowed == 0:
            found.append("evicted against a PodDisruptionBudget")
        opened = min((pod.breaker_opened or {}).values(), default=None)
        peers = [at for item in ready if item.uid != pod.uid for at in (item.last_success or {}).values()]
        if readings.has_prometheus and opened is not None and fresh and not any(at > opened for at in peers):
            found.append("no other pod had reached the backend since the failure")
        return found

    def _pods(self) -> tuple[ObservedPod, ...]:
        return self._readings.pods

    def _shows_failure(self, pod: ObservedPod) -> bool:
        if self._is_fresh(pod):
            return any((pod.breakers or {}).values())
        return any(alert.pod == pod.name and alert.confirmed is not False for alert in self._readings.alerts)

    def _is_fresh(self, pod: ObservedPod) -> bool:
        return pod.scraped_at is not None and moment(self._cluster.now) - pod.scraped_at <= FRESH

    def _is_recent(self, at: datetime) -> bool:
        return moment(self._cluster.now) - at < self._policy.spec.guards.recovery_delay
