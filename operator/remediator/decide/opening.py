"""Whether an incident begins, and with which step."""

from collections.abc import Sequence
from datetime import datetime

from remediator.api.names import RemediationName
from remediator.api.policy import Action, Mode, Policy
from remediator.api.remediation import Phase, Remediation, RemediationSpec, RemediationStatus
from remediator.decide.alerts import AlertPicture, Standing, look_at_alerts
from remediator.decide.decision import Opening
from remediator.decide.draft import Draft
from remediator.decide.observed import Observed, Workload


def open_remediation(policy: Policy, existing: Sequence[Remediation], observed: Observed, now: datetime) -> Opening:
    """Decide whether a new Remediation is due.

    Args:
        policy: the policy whose alerts are looked at.
        existing: every Remediation of the namespace, terminal ones too; those of other policies or targets are
            told apart here.
        observed: the world.
        now: the time.
    """
    picture = look_at_alerts(policy, observed)
    if any(remediation.active for remediation in _own(policy, existing)):
        return Opening(None, "Active", "A remediation is at work already.", idle=True, ignored=picture.ignored)
    if not (picture.firing or picture.suppressed or picture.ignored):
        return Opening(None, "NoAlert", "No alert of the policy fires.", idle=True)
    reason = _why_not(policy, existing, observed, picture)
    if reason is not None:
        return Opening(None, *reason, ignored=picture.ignored)
    return _opened(policy, existing, observed, picture, now)


def _own(policy: Policy, existing: Sequence[Remediation]) -> list[Remediation]:
    target = policy.spec.target_ref
    return [item for item in existing if item.spec.policy_name == policy.name and item.spec.target_ref == target]


def _why_not(
    policy: Policy, existing: Sequence[Remediation], observed: Observed, picture: AlertPicture
) -> tuple[str, str] | None:
    target = policy.spec.target_ref
    if observed.target_gone:
        return "TargetGone", f"{target} does not exist."
    if picture.standing is Standing.UNKNOWN:
        return picture.unknown_reason, picture.unknown_message
    if picture.standing is Standing.SUPPRESSED:
        return "AlertSuppressed", "The alert is silenced or inhibited: nothing is started."
    if picture.standing is Standing.CLEARED:
        first = picture.ignored[0]
        return first.reason, first.message
    workload = observed.workload or Workload()
    if policy.spec.mode is Mode.PAUSED or workload.paused:
        return "Paused", "A person paused the policy, the target or its namespace."
    if not workload.allowed:
        return "NotOptedIn", f"{target} does not carry the annotation that allows policies to act on it."
    for other in existing:
        if other.spec.target_ref == target and other.status.phase is Phase.HANDED_OVER and not is_cleared(other):
            return "HandedOver", f"{other.name} was handed over to a person, who has not cleared it yet."
    return _after_trial(policy, existing, picture)


def is_cleared(remediation: Remediation) -> bool:
    """Tell whether a person took note of a handover."""
    return bool(remediation.cleared_by_annotation or remediation.status.cleared_by)


def _after_trial(policy: Policy, existing: Sequence[Remediation], picture: AlertPicture) -> tuple[str, str] | None:
    """A DryRun repairs nothing, so the alert that it ended with goes on: only a new one begins a new trial."""
    last = _newest(_of_mode(policy, existing))
    if last is None or last.status.outcome not in {Phase.HANDED_OVER, Phase.FAILED} or last.status.ended_at is None:
        return None
    since = last.status.ended_at + policy.spec.guards.recovery_delay
    if any(alert.starts_at >= since for alert in picture.firing):
        return None
    return "TrialEnded", f"{last.name} would have been handed over; the alert has not begun anew since."


def _of_mode(policy: Policy, existing: Sequence[Remediation]) -> list[Remediation]:
    return [item for item in _own(policy, existing) if item.spec.mode is policy.spec.mode]


def _newest(remediations: Sequence[Remediation]) -> Remediation | None:
    return max(remediations, key=lambda item: (item.number, item.created_at), default=None)


def _opened(
    policy: Policy, existing: Sequence[Remediation], observed: Observed, picture: AlertPicture, now: datetime
) -> Opening:
    own = [item for item in existing if item.spec.policy_name == policy.name]
    number = 1 + max([policy.status.counter, *(item.number for item in own)])
    previous = _relapse_of(policy, existing, now)
    alert = picture.firing[0]
    spec = RemediationSpec(
        policy_name=policy.name,
        target_ref=policy.spec.target_ref,
        mode=Mode.DRY_RUN if policy.spec.mode is Mode.DRY_RUN else Mode.ENFORCE,
        previous=previous.name if previous else None,
        start_step=previous.status.next_step if previous else 0,
    )
    remediation = Remediation(
        name=RemediationName(f"{policy.name}-{number}"),
        namespace=policy.namespace,
        created_at=now,
        spec=spec,
        status=RemediationStatus(
            next_step=spec.start_step,
            first_alert_at=now,
            settling_until=now + observed.settling,
            alert_name=alert.labels.get("alertname", ""),
        ),
    )
    draft = Draft(policy, remediation, now)
    draft.record_alerts(picture)
    message = f"{remediation.status.alert_name} fires on {alert.pod}."
    if previous is not None:
        message = f"{message} It came back after {previous.name}, so the next step is due."
    decision = draft.wait(Phase.PENDING, "AlertFiring", message)
    return Opening(
        remediation.model_copy(update={"status": decision.status}), decision.reason, message, ignored=picture.ignored
    )


def _relapse_of(policy: Policy, existing: Sequence[Remediation], now: datetime) -> Remediation | None:
    """Return the remediation after which the alert came back too soon to count as new."""
    last = _newest(_of_mode(policy, existing))
    if last is None or not any(step.action is not Action.REVERT for step in last.status.steps):
        return None
    ended = last.status.outcome or last.status.phase
    if ended not in {Phase.SUCCEEDED, Phase.FAILED}:
        return None
    cleared = last.status.cleared_at or last.status.ended_at
    if cleared is None or now >= cleared + policy.spec.guards.recovery_delay:
        return None
    return last
