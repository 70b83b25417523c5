"""The cause gate: is this a failure of single pods, or a shared one?

A backend that is down opens the breaker of every pod, and a restart does not help. Only where half of the target's
pods or fewer were affected during the whole incident, and another pod proves that the backend works, is the failure
one of those pods.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from remediator.api.limits import MAX_NAMES
from remediator.api.names import Backend, PodName
from remediator.api.policy import Action, Scope
from remediator.api.remediation import PodRestartState, RemediationStatus
from remediator.decide.alerts import AlertAssessment
from remediator.decide.observed import OPEN_OR_HALF_OPEN, Observed, ObservedAlert, ObservedPod


@dataclass(frozen=True, slots=True)
class CauseVerdict:
    """What the affected pods say about the cause.

    ``scope`` is ``None`` where no ready pod is affected. ``to_restart`` are the pods that fail by themselves, fewer
    than the affected ones where an alert outlives its failure. ``unproven`` are the backends that no unaffected pod
    has reached since the failure. ``share`` describes the number of affected pods, for messages.
    """

    scope: Scope | None
    affected: tuple[PodName, ...] = ()
    to_restart: tuple[ObservedPod, ...] = ()
    unproven: tuple[Backend, ...] = ()
    share: str = ""


def ready_pods(observed: Observed) -> tuple[ObservedPod, ...]:
    """Return the pods of the target that are ready and not terminating; none if the target is unknown."""
    return tuple(pod for pod in observed.pods if pod.ready and not pod.terminating)


def terminating_pods(observed: Observed) -> tuple[str, ...]:
    """Return the names of the target's pods that are shutting down."""
    return tuple(pod.name for pod in observed.pods if pod.terminating)


def judge_cause(observed: Observed, assessment: AlertAssessment, incident: RemediationStatus) -> CauseVerdict:
    """Apply the cause gate to the alerts of an incident.

    Counting is generous (a breaker that is open without an alert yet counts, a silenced alert too, and every pod that
    was affected earlier), restarting is strict: an alert on a pod whose breaker is known to be closed restarts nothing.
    """
    ready = ready_pods(observed)
    alerts: dict[PodName, list[ObservedAlert]] = {}
    for alert in assessment.firing:
        alerts.setdefault(alert.pod, []).append(alert)
    to_restart = tuple(pod for pod in ready if any(_is_at_fault(pod, alert) for alert in alerts.get(pod.name, ())))
    names = affected_now(observed, assessment, incident)
    if not names:
        return CauseVerdict(None)
    share = f"{len(names)} of {len(ready)} ready pods are affected"
    if 2 * len(names) > len(ready):
        return CauseVerdict(Scope.MAJORITY, names, to_restart, share=share)
    remembered, of = affected_share(incident, observed)
    if 2 * remembered > of:
        share = f"{remembered} of {of} pods have been affected during this incident"
        return CauseVerdict(Scope.MAJORITY, names, to_restart, share=share)
    unproven = _without_proof(observed, ready, set(names), to_restart, alerts)
    return CauseVerdict(Scope.MINORITY, names, to_restart, unproven, share)


def affected_now(observed: Observed, assessment: AlertAssessment, incident: RemediationStatus) -> tuple[PodName, ...]:
    """Return the ready pods that an alert or an open breaker of the incident's backends names.

    A backend whose alerts are resolved stays one of the incident: the failure may return before its next alert.
    """
    backends = {alert.service_name for alert in assessment.firing} | {
        Backend(entry.service_name) for entry in incident.alerts
    }
    firing: dict[PodName, list[ObservedAlert]] = {}
    for alert in assessment.firing:
        firing.setdefault(alert.pod, []).append(alert)
    suppressed = {alert.pod for alert in assessment.suppressed}
    return tuple(
        pod.name
        for pod in ready_pods(observed)
        if pod.name in suppressed
        or any(_is_at_fault(pod, alert) for alert in firing.get(pod.name, ()))
        or any((pod.breakers or {}).get(backend) in OPEN_OR_HALF_OPEN for backend in backends if backend)
    )


def remember_affected(incident: RemediationStatus, observed: Observed, assessment: AlertAssessment) -> list[str]:
    """Add the pods that are affected now to the incident's memory, and return their names.

    To be called while the alerts are unknown too: a pod whose breaker opens and closes meanwhile was affected.
    """
    names = [str(name) for name in affected_now(observed, assessment, incident)]
    if not incident.initial_pods:
        incident.initial_pods = _present(observed)[:MAX_NAMES]
    incident.affected_pods = sorted({*incident.affected_pods, *names})[:MAX_NAMES]
    if not set(names[:MAX_NAMES]) <= set(incident.remaining_pods):
        incident.remaining_pods = []
    return names


def forget_shared_failure(
    incident: RemediationStatus, observed: Observed, names: list[str], now: datetime, recovery_delay: timedelta
) -> None:
    """End the memory of a shared failure where the same few pods alone stay affected for ``recovery_delay``.

    Then the shared failure is over and those pods, the ``names`` that are affected now, are judged anew.
    """
    present = _present(observed)
    remembered, of = affected_share(incident, observed)
    ready = {str(pod.name) for pod in ready_pods(observed)}
    recovered = set(incident.affected_pods).intersection(present) - set(names) <= ready
    is_minority = bool(names) and 2 * len(names) <= len(ready)
    if 2 * remembered <= of or not is_minority or not recovered or not incident.phase.has_settled:
        incident.remaining_pods = []
    elif incident.remaining_pods != names[:MAX_NAMES]:
        incident.remaining_pods = names[:MAX_NAMES]
        incident.settling_until = now + recovery_delay
    elif incident.settling_until is not None and now >= incident.settling_until:
        incident.affected_pods = names[:MAX_NAMES]
        incident.initial_pods = present[:MAX_NAMES]
        incident.remaining_pods = []


def inherit_affected(incident: RemediationStatus, previous: RemediationStatus, observed: Observed) -> None:
    """Let a relapse remember the pods that the incident before it affected.

    A pod that is gone is represented by one that came since, so that it counts once, together with its replacement.
    """
    present = _present(observed)
    gone = set(previous.affected_pods).difference(present)
    fresh = sorted(set(present).difference(previous.initial_pods, previous.affected_pods))
    kept = set(previous.affected_pods).intersection(present)
    incident.initial_pods = present[:MAX_NAMES]
    incident.affected_pods = sorted(kept.union(fresh[: len(gone)]))[:MAX_NAMES]


def affected_share(incident: RemediationStatus, observed: Observed) -> tuple[int, int]:
    """Return how many pods were affected during the incident, and of how many.

    A replacement of a pod that the incident evicted counts with the evicted one, not again. Pods that are not ready or
    shut down do not make the target smaller: the desired number counts.
    """
    initial = set(incident.initial_pods)
    affected = set(incident.affected_pods)
    evicted = sum(pod.state is PodRestartState.EVICTED for step in incident.steps for pod in step.pods)
    if any(step.action is Action.ROLLOUT_RESTART for step in incident.steps):
        evicted = MAX_NAMES  # Every pod may be a replacement.
    count = len(affected & initial) + max(0, len(affected - initial) - evicted)
    replicas = (observed.workload.replicas if observed.workload else None) or 0
    return count, max(replicas, len(ready_pods(observed)))


def _present(observed: Observed) -> list[str]:
    return [str(pod.name) for pod in observed.pods]


def _is_at_fault(pod: ObservedPod, alert: ObservedAlert) -> bool:
    gauge = (pod.breakers or {}).get(alert.service_name)
    # No sample is not a closed breaker: then the alert alone decides.
    return gauge is None or gauge in OPEN_OR_HALF_OPEN


def _without_proof(
    observed: Observed,
    ready: tuple[ObservedPod, ...],
    affected: set[PodName],
    to_restart: tuple[ObservedPod, ...],
    alerts: dict[PodName, list[ObservedAlert]],
) -> tuple[Backend, ...]:
    """Return the backends that no unaffected pod has reached since the first failure of an affected one."""
    if not observed.has_prometheus:
        return ()
    failed: dict[Backend, datetime] = {}
    for pod in to_restart:
        for alert in alerts[pod.name]:
            opened = (pod.breaker_opened or {}).get(alert.service_name, alert.starts_at)
            if alert.service_name:
                failed[alert.service_name] = max(opened, failed.get(alert.service_name, opened))
    peers = [pod for pod in ready if pod.name not in affected]
    return tuple(sorted(name for name, at in failed.items() if not any(_reached(pod, name, at) for pod in peers)))


def _reached(pod: ObservedPod, backend: Backend, since: datetime) -> bool:
    if pod.last_success is not None:
        success = pod.last_success.get(backend)
        return success is not None and success > since
    # A gateway without the time of its last success: a call within 2 minutes, which may be older than the failure.
    return backend in (pod.successes or ())


def settled_by_evidence(observed: Observed, verdict: CauseVerdict, alert_name: str) -> bool:
    """Tell whether every ready pod was scraped and its rule evaluated after the newest breaker opened.

    Then no further pod can be about to report the same failure, so settling ends before its upper bound.
    """
    if verdict.scope is not Scope.MINORITY or not verdict.to_restart or verdict.unproven:
        return False
    opened = [moment for pod in verdict.to_restart for moment in (pod.breaker_opened or {}).values()]
    ready = ready_pods(observed)
    evaluation = observed.evaluations.get(alert_name)
    if not opened or evaluation is None or any(pod.last_success is None for pod in ready):
        return False
    newest = max(opened)
    if any(pod.scraped_at is None or pod.scraped_at <= newest for pod in ready):
        return False
    return evaluation.at > newest
