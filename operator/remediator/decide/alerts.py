"""Selects the observed alerts of a policy and its target, and combines them into one signal."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from remediator.api.limits import CLEARED_WINDOW, REPLACEMENT_SCRAPE_LIMIT, RESOLVE_TIMEOUT
from remediator.api.matchers import matches_all
from remediator.api.names import PodName
from remediator.api.policy import Policy
from remediator.api.reasons import Reason
from remediator.api.remediation import AlertEntry, PodRestartState, RemediationStatus
from remediator.decide.decision import Ignored
from remediator.decide.observed import OPEN_OR_HALF_OPEN, AlertState, Observed, ObservedAlert, ObservedPod

_REPLICA_MISSING = {
    "Alertmanager": Reason.ALERTMANAGER_UNREACHABLE,
    "Prometheus": Reason.PROMETHEUS_NOT_PROVEN,
}
RESOLVED = "resolved"


class AlertSignal(StrEnum):
    """What is known about an incident's alerts."""

    FIRING = "Firing"
    SUPPRESSED = "Suppressed"
    """Silenced, inhibited or muted: starts nothing and is not cleared."""
    PENDING = "Pending"
    """Prometheus has the alert pending: its condition holds, for example after a restart of Prometheus."""
    CLEARING = "Clearing"
    """No alert fires now, and it is not proven yet that it cleared."""
    CLEARED = "Cleared"
    UNKNOWN = "Unknown"
    """A signal is lost, contradictory, or the workload could not be read: neither firing nor cleared."""


@dataclass(frozen=True, slots=True)
class AlertAssessment:
    """The alerts of one policy on the pods of its target."""

    signal: AlertSignal
    firing: tuple[ObservedAlert, ...] = ()
    suppressed: tuple[ObservedAlert, ...] = ()
    predecessors: tuple[ObservedAlert, ...] = ()
    """Alerts of an earlier pod of the same name whose circuit breaker is not open any more."""
    ignored: tuple[Ignored, ...] = ()
    unknown_reason: Reason = Reason.READ
    """Why the signal is unknown; ``READ`` where it is not."""
    unknown_message: str = ""


def assess_alerts(
    policy: Policy, observed: Observed, now: datetime, incident: RemediationStatus | None = None
) -> AlertAssessment:
    """Sort the alerts into those that fire, those that are neither firing nor cleared, and those to ignore.

    With an ``incident`` its earlier alerts count too: one that is not listed any more is cleared only once that is
    proven, and one that became ambiguous makes the signal unknown.
    """
    unknown = _what_is_unknown(observed)
    pods = {pod.name: pod for pod in observed.pods}
    firing: list[ObservedAlert] = []
    suppressed: list[ObservedAlert] = []
    predecessors: list[ObservedAlert] = []
    ignored: list[Ignored] = []
    for alert in observed.alerts:
        if not matches_all(policy.spec.alerts, alert.labels):
            continue
        reason = _why_ignored(policy, alert, pods)
        if reason is not None:
            ignored.append(Ignored(alert.fingerprint, *reason))
        elif alert.state is not AlertState.ACTIVE:
            suppressed.append(alert)
        elif _is_of_predecessor(alert, pods[alert.pod]):
            predecessors.append(alert)
        else:
            firing.append(alert)
    if unknown is None and incident is not None:
        unknown = _what_is_ambiguous(policy, observed, incident, ignored)
    if unknown is None and observed.unanswered and not firing:
        unknown = (
            _REPLICA_MISSING[observed.unanswered],
            (
                f"A replica of {observed.unanswered} does not respond, and an alert counts as cleared only if none of "
                "them has it. The operator waits. Check the replicas."
            ),
        )
    if unknown is not None:
        signal = AlertSignal.UNKNOWN
    elif firing:
        signal = AlertSignal.FIRING
    elif suppressed:
        signal = AlertSignal.SUPPRESSED
    else:
        signal = _without_alert(observed, now, incident, pods, predecessors)
    return AlertAssessment(
        signal,
        tuple(firing),
        tuple(suppressed),
        tuple(predecessors),
        tuple(ignored),
        *(unknown or (Reason.READ, "")),
    )


def is_proven_cleared(
    entry: AlertEntry, observed: Observed, now: datetime, incident: RemediationStatus, pod: ObservedPod | None
) -> bool:
    """Tell whether an alert that is not listed any more is over.

    Its pod is gone and the pods that came since were scraped, or the alert's rule was evaluated twice after the pod was
    scraped again. Without evaluation times Alertmanager must be older than its resolve timeout, or, where that is not
    known either, the alert must be absent for ``CLEARED_WINDOW``.
    """
    if entry.state == RESOLVED:
        return True
    since = entry.absent_since
    if pod is None or _was_replaced(entry, incident, pod):
        return _replacements_scraped(entry, observed) or (since is not None and now - since >= REPLACEMENT_SCRAPE_LIMIT)
    if since is None:
        return False
    evaluation = observed.evaluations.get(incident.alert_name)
    if evaluation is not None and pod.scraped_at is not None:
        return pod.scraped_at >= since and evaluation.at > since + evaluation.interval
    if observed.alertmanager_started_at is not None:
        looked_again = observed.alerts_read_at is not None and observed.alerts_read_at > since
        return looked_again and now - observed.alertmanager_started_at >= RESOLVE_TIMEOUT
    return now - since >= CLEARED_WINDOW


def _was_replaced(entry: AlertEntry, incident: RemediationStatus, pod: ObservedPod) -> bool:
    """Tell whether the pod of that name is not the one that the alert was about."""
    if pod.created_at is not None and pod.created_at > entry.starts_at:
        return True
    evicted = (item for step in incident.steps for item in step.pods if item.state is PodRestartState.EVICTED)
    return any(item.name == pod.name and item.uid != pod.uid for item in evicted)


def _replacements_scraped(entry: AlertEntry, observed: Observed) -> bool:
    """Tell whether every pod that came after the alert was scraped once: before that its breaker is not known."""
    fresh = (pod for pod in observed.pods if pod.created_at is not None and pod.created_at > entry.starts_at)
    return all(pod.terminating or pod.scraped_at is not None or pod.breakers != {} for pod in fresh)


def _without_alert(
    observed: Observed,
    now: datetime,
    incident: RemediationStatus | None,
    pods: dict[PodName, ObservedPod],
    predecessors: list[ObservedAlert],
) -> AlertSignal:
    if incident is None:
        return AlertSignal.CLEARED
    if any(name == incident.alert_name and pod in pods for name, pod, _ in observed.pending):
        return AlertSignal.PENDING
    open_entries = (
        entry
        for entry in incident.alerts
        if not is_proven_cleared(entry, observed, now, incident, pods.get(PodName(entry.pod)))
    )
    return AlertSignal.CLEARING if predecessors or any(open_entries) else AlertSignal.CLEARED


def _what_is_unknown(observed: Observed) -> tuple[Reason, str] | None:
    if not observed.alertmanager_up:
        return (
            Reason.ALERTMANAGER_UNREACHABLE,
            "Alertmanager cannot be reached. The operator keeps the last known state and starts nothing. "
            "Check Alertmanager.",
        )
    if not observed.prometheus_up:
        return (
            Reason.PROMETHEUS_NOT_PROVEN,
            "Nothing shows that Prometheus works, so no alert counts as cleared. The operator starts "
            "nothing. Check Prometheus.",
        )
    if observed.workload is None or observed.workload.pods is None or observed.workload.replicas is None:
        return (
            Reason.WORKLOAD_UNKNOWN,
            "The target could not be read. The operator starts nothing. Check the API server and the "
            "operator's rights.",
        )
    return None


def _what_is_ambiguous(
    policy: Policy, observed: Observed, incident: RemediationStatus, ignored: list[Ignored]
) -> tuple[Reason, str] | None:
    """Return why an alert of the incident is neither firing nor cleared; None if there is no such alert."""
    known = {str(entry.fingerprint) for entry in incident.alerts if entry.state != RESOLVED}
    if not known:
        return None
    listed = {str(alert.fingerprint): alert for alert in observed.alerts}
    for alert in ignored:
        if alert.reason is Reason.NOT_CONFIRMED and alert.fingerprint in known:
            message = (
                "Alertmanager lists the alert, and Prometheus does not have it firing. The operator waits until both "
                "agree. Check whether Prometheus was restarted or alert relabelling changes its labels."
            )
            return Reason.ALERT_AMBIGUOUS, message
        same_name = listed[alert.fingerprint].labels.get("alertname") == incident.alert_name
        if alert.reason is Reason.NO_POD_LABEL and same_name:
            message = (
                "An alert of the incident's name has no pod label, so the affected pod is not known. The operator "
                "waits. Keep the pod label in the alert rule."
            )
            return Reason.ALERT_AMBIGUOUS, message
    if any(not matches_all(policy.spec.alerts, listed[name].labels) for name in known & listed.keys()):
        message = (
            "An alert of the incident still fires, and the policy's matchers do not select it any more. The operator "
            "waits. Clear the alert or restore the matchers."
        )
        return Reason.ALERT_AMBIGUOUS, message
    return None


def _why_ignored(policy: Policy, alert: ObservedAlert, pods: dict[PodName, ObservedPod]) -> tuple[Reason, str] | None:
    namespace = alert.labels.get("namespace", policy.namespace)
    if policy.namespace and namespace != policy.namespace:
        return Reason.OTHER_NAMESPACE, f"The alert is of namespace {namespace:.63}, the policy of {policy.namespace}."
    if not alert.pod:
        return (
            Reason.NO_POD_LABEL,
            "The alert has no pod label, so the pod to repair is not known. It is ignored. Keep the pod label in the "
            "alert rule.",
        )
    if alert.pod not in pods:
        return Reason.NOT_OUR_POD, f"Pod {alert.pod:.253} is not one of {policy.spec.target_ref}."
    if alert.confirmed is False:
        return Reason.NOT_CONFIRMED, "Prometheus does not confirm that the alert fires."
    return None


def _is_of_predecessor(alert: ObservedAlert, pod: ObservedPod) -> bool:
    """Tell whether the alert was raised by an earlier pod of the same name (a StatefulSet's).

    If the present pod's own circuit breaker is open, the alert continued for both pods, and the result is False.
    """
    if pod.created_at is None or alert.starts_at >= pod.created_at:
        return False
    return (pod.breakers or {}).get(alert.service_name) not in OPEN_OR_HALF_OPEN
