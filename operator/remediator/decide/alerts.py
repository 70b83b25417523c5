"""Which of the observed alerts are the policy's and its target's, and what they say together."""

from dataclasses import dataclass
from enum import StrEnum

from remediator.api.matchers import matches_all
from remediator.api.names import PodName
from remediator.api.policy import Policy
from remediator.api.reasons import Reason
from remediator.decide.decision import Ignored
from remediator.decide.observed import AlertState, Observed, ObservedAlert, ObservedPod


class AlertSignal(StrEnum):
    """What is known about an incident's alert."""

    FIRING = "Firing"
    SUPPRESSED = "Suppressed"
    """Silenced, inhibited, or left over from a pod of the same name: starts nothing and is not cleared."""
    CLEARED = "Cleared"
    UNKNOWN = "Unknown"
    """A signal is lost or the workload could not be read: neither firing nor cleared."""


@dataclass(frozen=True, slots=True)
class AlertAssessment:
    """The alerts of one policy on the pods of its target."""

    signal: AlertSignal
    firing: tuple[ObservedAlert, ...] = ()
    suppressed: tuple[ObservedAlert, ...] = ()
    ignored: tuple[Ignored, ...] = ()
    unknown_reason: Reason = Reason.READ
    """Why the signal is unknown; ``READ`` where it is not."""
    unknown_message: str = ""


def assess_alerts(policy: Policy, observed: Observed) -> AlertAssessment:
    """Sort the alerts into those that fire, those that do not count as cleared, and those to ignore."""
    unknown = _what_is_unknown(observed)
    pods = {pod.name: pod for pod in (observed.workload.pods if observed.workload else None) or ()}
    firing: list[ObservedAlert] = []
    suppressed: list[ObservedAlert] = []
    ignored: list[Ignored] = []
    for alert in observed.alerts:
        if not matches_all(policy.spec.alerts, alert.labels):
            continue
        reason = _why_ignored(policy, alert, pods)
        if reason is not None:
            ignored.append(Ignored(alert.fingerprint, *reason))
        elif alert.state is not AlertState.ACTIVE or _outlived_its_pod(alert, pods[alert.pod]):
            suppressed.append(alert)
        else:
            firing.append(alert)
    if unknown is not None:
        signal = AlertSignal.UNKNOWN
    elif firing:
        signal = AlertSignal.FIRING
    else:
        signal = AlertSignal.SUPPRESSED if suppressed else AlertSignal.CLEARED
    return AlertAssessment(signal, tuple(firing), tuple(suppressed), tuple(ignored), *(unknown or (Reason.READ, "")))


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


def _why_ignored(policy: Policy, alert: ObservedAlert, pods: dict[PodName, ObservedPod]) -> tuple[Reason, str] | None:
    namespace = alert.labels.get("namespace", policy.namespace)
    if policy.namespace and namespace != policy.namespace:
        return Reason.OTHER_NAMESPACE, f"The alert is of namespace {namespace:.63}, the policy of {policy.namespace}."
    if not alert.pod:
        return (
            Reason.NO_POD_LABEL,
            "The alert has no pod label, so the pod to repair is not known. It is ignored. Keep the pod "
            "label in the alert rule.",
        )
    if alert.pod not in pods:
        return Reason.NOT_OUR_POD, f"Pod {alert.pod:.253} is not one of {policy.spec.target_ref}."
    if alert.confirmed is False:
        return Reason.NOT_CONFIRMED, "Prometheus does not confirm that the alert fires."
    return None


def _outlived_its_pod(alert: ObservedAlert, pod: ObservedPod) -> bool:
    """Tell whether the alert is older than the pod: it was raised by a predecessor of the same name."""
    return pod.created_at is not None and alert.starts_at < pod.created_at
