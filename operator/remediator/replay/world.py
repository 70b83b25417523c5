"""The world of a replay: what a recording's lines say, with the pods that the replay itself replaced told apart."""

from datetime import datetime, timedelta
from typing import TypeVar

from remediator.api.limits import SETTLING
from remediator.api.names import Backend, PodName, PodUid
from remediator.api.policy import Policy
from remediator.api.remediation import Remediation, ScaleKind
from remediator.decide.action_history import history
from remediator.decide.decision import EvictPod, Intent, RolloutRestart
from remediator.decide.observed import (
    ABSENT,
    Absent,
    Autoscaler,
    Evaluation,
    Observed,
    ObservedAlert,
    ObservedPod,
    Workload,
)
from remediator.replay.recording import Observation, WorkloadLine

T = TypeVar("T")


class RecordedWorld:
    """Turns lines into observations.

    A replay assumes that its actions change nothing in the recording. Only this is added: after an eviction or a
    rollout a pod of the same name counts as the replacement, so it has another uid.
    """

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._generations: dict[str, int] = {}
        self._names: tuple[str, ...] = ()
        self._alerts: tuple[ObservedAlert, ...] = ()
        self._polled_at: datetime | None = None

    def observe(self, line: Observation, remediations: list[Remediation], current: str) -> Observed:
        """Return what one line says; the alerts of the last line that had some where this one has none."""
        alertmanager_up = line.alertmanager == "up" and line.alerts is not None
        if line.alerts is not None and alertmanager_up:
            self._alerts = tuple(alert.observed(line.at) for alert in line.alerts)
            self._polled_at = line.at
        return Observed(
            alerts=self._alerts,
            alerts_read_at=self._polled_at,
            alertmanager_up=alertmanager_up,
            prometheus_up=line.prometheus == "up",
            has_prometheus=_has_evidence(line),
            pending=frozenset((item.alertname, PodName(item.pod), Backend(item.service_name)) for item in line.pending),
            evaluations={
                name: Evaluation(item.at, timedelta(seconds=item.interval)) for name, item in line.evaluations.items()
            },
            alertmanager_started_at=line.alertmanagerStartedAt,
            workload=self._workload(line.workload),
            history=history(remediations, without=current),
            settling=SETTLING,
        )

    def carried_out(self, intent: Intent) -> None:
        """An action counts as accepted: the pods that it took away are others from now on."""
        if isinstance(intent, EvictPod):
            self._replace(intent.name)
        elif isinstance(intent, RolloutRestart):
            for name in self._names:
                self._replace(name)

    def _replace(self, name: str) -> None:
        self._generations[name] = self._generations.get(name, 0) + 1

    def _workload(self, line: WorkloadLine | None) -> Workload | None:
        if line is None:
            return None
        pods = None
        if line.pods is not None:
            self._names = tuple(pod.name for pod in line.pods)
            pods = tuple(
                ObservedPod(
                    name=PodName(pod.name),
                    uid=PodUid(f"{pod.name}#{self._generations.get(pod.name, 0)}"),
                    ready=bool(pod.ready),
                    terminating=pod.terminating,
                    restarts=pod.restarts or 0,
                    created_at=pod.createdAt,
                    breakers=_by_backend(pod.breakers),
                    breaker_opened=_by_backend(pod.breakerOpened),
                    last_success=_by_backend(pod.lastSuccess),
                    successes=None if pod.successes is None else frozenset(map(Backend, pod.successes)),
                    scraped_at=pod.scrapedAt,
                )
                for pod in line.pods
            )
        return Workload(
            replicas=line.replicas,
            pods=pods,
            rollout_complete=None if line.rollout is None else line.rollout == "complete",
            disruptions_allowed=self._disruptions(line),
            autoscaler=self._autoscaler(line),
            paused=line.paused,
            rollout_paused=line.rolloutPaused,
            namespace_terminating=line.namespaceTerminating,
            cannot_run=line.cannotRun,
            allowed=True,
        )

    def _disruptions(self, line: WorkloadLine) -> int | Absent | None:
        if line.pdb is not None:
            return line.pdb.disruptionsAllowed
        return ABSENT if "pdb" in line.model_fields_set else None

    def _autoscaler(self, line: WorkloadLine) -> Autoscaler | Absent | None:
        if line.hpa is None:
            return ABSENT if "hpa" in line.model_fields_set else None
        if line.hpa.minReplicas is None or line.hpa.maxReplicas is None:
            return None
        name = self._policy.spec.target_ref.name
        return Autoscaler(ScaleKind.HORIZONTAL_POD_AUTOSCALER, name, line.hpa.minReplicas, line.hpa.maxReplicas)


def _has_evidence(line: Observation) -> bool:
    """Tell whether the recording has what Prometheus knows about the pods."""
    pods = (line.workload.pods if line.workload else None) or ()
    return any(pod.breakers is not None and (pod.successes is not None or pod.lastSuccess is not None) for pod in pods)


def _by_backend(values: dict[str, T] | None) -> dict[Backend, T] | None:
    return None if values is None else {Backend(name): value for name, value in values.items()}
