"""The cause gate: is the fault the target's own at all?

A backend that is down opens the breaker of every pod, and a restart does not help. Only where half of the ready
pods or fewer are affected, and another pod proves that the backend works, are those pods the fault.
"""

from dataclasses import dataclass

from remediator.api.names import Backend, PodName
from remediator.api.policy import Scope
from remediator.decide.alerts import AlertAssessment
from remediator.decide.observed import Observed, ObservedAlert, ObservedPod

_OPEN_OR_HALF_OPEN = {1, 2}


@dataclass(frozen=True, slots=True)
class CauseVerdict:
    """What the affected pods say about the cause.

    ``scope`` is ``None`` where no ready pod is affected. ``to_restart`` are the pods whose own fault it is, which
    is fewer than the affected ones where an alert outlives its fault. ``unproven`` are the backends that no
    unaffected pod reached within 2 minutes.
    """

    scope: Scope | None
    ready: int
    affected: tuple[PodName, ...] = ()
    to_restart: tuple[ObservedPod, ...] = ()
    unproven: tuple[Backend, ...] = ()

    @property
    def share(self) -> str:
        """The share in words, for sentences."""
        return f"{len(self.affected)} of {self.ready} ready pods"


def ready_pods(observed: Observed) -> tuple[ObservedPod, ...]:
    """Return the pods of the target that are ready and stay; none where the target is unknown."""
    pods = observed.workload.pods if observed.workload else None
    return tuple(pod for pod in pods or () if pod.ready and not pod.terminating)


def judge_cause(observed: Observed, assessment: AlertAssessment) -> CauseVerdict:
    """Apply the cause gate to the alerts of an incident.

    Counting is generous (a breaker that is open without an alert yet counts, a silenced alert too), restarting is
    strict: an alert on a pod whose breaker is known to be closed restarts nothing.
    """
    ready = ready_pods(observed)
    backends = {alert.service_name for alert in assessment.firing if alert.service_name}
    alerts: dict[PodName, list[ObservedAlert]] = {}
    for alert in assessment.firing:
        alerts.setdefault(alert.pod, []).append(alert)
    silenced = {alert.pod for alert in assessment.suppressed}
    to_restart = tuple(pod for pod in ready if any(_is_at_fault(pod, alert) for alert in alerts.get(pod.name, ())))
    at_fault = {pod.name for pod in to_restart}
    affected = tuple(
        pod for pod in ready if pod.name in at_fault or pod.name in silenced or _has_open_breaker(pod, backends)
    )
    names = tuple(pod.name for pod in affected)
    if not affected:
        return CauseVerdict(None, len(ready))
    if 2 * len(affected) > len(ready):
        return CauseVerdict(Scope.MAJORITY, len(ready), names, to_restart)
    unproven = _without_proof(observed, ready, set(names), [a for pod in to_restart for a in alerts[pod.name]])
    return CauseVerdict(Scope.MINORITY, len(ready), names, to_restart, unproven)


def _is_at_fault(pod: ObservedPod, alert: ObservedAlert) -> bool:
    gauge = (pod.breakers or {}).get(alert.service_name)
    # No sample is not a closed breaker: then the alert alone decides.
    return gauge is None or gauge in _OPEN_OR_HALF_OPEN


def _has_open_breaker(pod: ObservedPod, backends: set[Backend]) -> bool:
    return any((pod.breakers or {}).get(backend) in _OPEN_OR_HALF_OPEN for backend in backends)


def _without_proof(
    observed: Observed, ready: tuple[ObservedPod, ...], affected: set[PodName], alerts: list[ObservedAlert]
) -> tuple[Backend, ...]:
    if not observed.has_prometheus:
        return ()
    proven = {backend for pod in ready if pod.name not in affected for backend in pod.successes or frozenset[Backend]()}
    return tuple(sorted({alert.service_name for alert in alerts if alert.service_name} - proven))
