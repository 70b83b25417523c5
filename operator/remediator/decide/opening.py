"""Whether an incident begins, and with which step."""

from collections.abc import Sequence
from datetime import datetime

from remediator.api.names import RemediationName
from remediator.api.policy import Action, Mode, Policy
from remediator.api.reasons import Reason
from remediator.api.remediation import Phase, Remediation, RemediationSpec, RemediationStatus
from remediator.decide.acting import begin_verifying
from remediator.decide.alerts import AlertPicture, Standing, look_at_alerts
from remediator.decide.decision import Opening
from remediator.decide.draft import Draft
from remediator.decide.leftover import Leftover, find_leftover, take_over
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
        return Opening(None, Reason.ACTIVE, "A remediation is at work already.", idle=True, ignored=picture.ignored)
    leftover = find_leftover(policy, existing, observed)
    if leftover is not None and picture.standing is Standing.CLEARED:
        reason = _forbidden(policy, existing, observed)
        if reason is None:
            return _opened_to_take_back(policy, existing, observed, leftover, now)
    if not (picture.firing or picture.suppressed or picture.ignored):
        return Opening(None, Reason.NO_ALERT, "No alert of the policy fires.", idle=True)
    reason = _why_not(policy, existing, observed, picture)
    if reason is not None:
        return Opening(None, *reason, ignored=picture.ignored)
    return _opened(policy, existing, observed, picture, leftover, now)


def _own(policy: Policy, existing: Sequence[Remediation]) -> list[Remediation]:
    target = policy.spec.target_ref
    return [item for item in existing if item.spec.policy_name == policy.name and item.spec.target_ref == target]


def _why_not(
    policy: Policy, existing: Sequence[Remediation], observed: Observed, picture: AlertPicture
) -> tuple[Reason, str] | None:
    target = policy.spec.target_ref
    if observed.target_gone:
        return Reason.TARGET_GONE, f"{target} does not exist."
    if picture.standing is Standing.UNKNOWN:
        return picture.unknown_reason, picture.unknown_message
    if picture.standing is Standing.SUPPRESSED:
        return Reason.ALERT_SUPPRESSED, "The alert is silenced or inhibited: nothing is started."
    if picture.standing is Standing.CLEARED:
        first = picture.ignored[0]
        return first.reason, first.message
    return _forbidden(policy, existing, observed) or _after_trial(policy, existing, picture)


def _forbidden(policy: Policy, existing: Sequence[Remediation], observed: Observed) -> tuple[Reason, str] | None:
    """Return which word of a person forbids to begin anything on the target."""
    target = policy.spec.target_ref
    workload = observed.workload or Workload()
    if policy.spec.mode is Mode.PAUSED or workload.paused:
        return Reason.PAUSED, "A person paused the policy, the target or its namespace."
    if not workload.allowed:
        return Reason.NOT_OPTED_IN, f"{target} does not carry the annotation that allows policies to act on it."
    for other in existing:
        if other.spec.target_ref == target and other.status.phase is Phase.HANDED_OVER and not is_cleared(other):
            return Reason.HANDED_OVER, f"{other.name} was handed over to a person, who has not cleared it yet."
    return None


def is_cleared(remediation: Remediation) -> bool:
    """Tell whether a person took note of a handover."""
    return bool(remediation.cleared_by_annotation or remediation.status.cleared_by)


def _after_trial(policy: Policy, existing: Sequence[Remediation], picture: AlertPicture) -> tuple[Reason, str] | None:
    """A DryRun repairs nothing, so the alert that it ended with goes on: only a new one begins a new trial."""
    last = _newest(_of_mode(policy, existing))
    if last is None or last.status.outcome not in {Phase.HANDED_OVER, Phase.FAILED} or last.status.ended_at is None:
        return None
    since = last.status.ended_at + policy.spec.guards.recovery_delay
    if any(alert.starts_at >= since for alert in picture.firing):
        return None
    return Reason.TRIAL_ENDED, f"{last.name} would have been handed over; the alert has not begun anew since."


def _of_mode(policy: Policy, existing: Sequence[Remediation]) -> list[Remediation]:
    return [item for item in _own(policy, existing) if item.spec.mode is policy.spec.mode]


def _newest(remediations: Sequence[Remediation]) -> Remediation | None:
    return max(remediations, key=lambda item: (item.number, item.created_at), default=None)


def _opened(
    policy: Policy,
    existing: Sequence[Remediation],
    observed: Observed,
    picture: AlertPicture,
    leftover: Leftover | None,
    now: datetime,
) -> Opening:
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
        name=_next_name(policy, existing),
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
    if leftover is not None:
        take_over(draft, leftover)
    message = f"{remediation.status.alert_name} fires on {alert.pod}."
    if previous is not None:
        message = f"{message} It came back after {previous.name}, so the next step is due."
    decision = draft.wait(Phase.PENDING, Reason.ALERT_FIRING, message)
    opened = remediation.model_copy(update={"status": decision.status})
    return Opening(opened, Reason.ALERT_FIRING, message, ignored=picture.ignored)


def _opened_to_take_back(
    policy: Policy, existing: Sequence[Remediation], observed: Observed, leftover: Leftover, now: datetime
) -> Opening:
    """Begin with the verification: where the target holds without an alert, the scale-out is not needed any more."""
    remediation = Remediation(
        name=_next_name(policy, existing),
        namespace=policy.namespace,
        created_at=now,
        spec=RemediationSpec(policy_name=policy.name, target_ref=policy.spec.target_ref),
        status=RemediationStatus(first_alert_at=now, settling_until=now + observed.settling),
    )
    draft = Draft(policy, remediation, now)
    step = take_over(draft, leftover)
    message = f"Nobody answers for the scale-out of {leftover.told}: it is taken back once the target holds."
    decision = begin_verifying(draft, step, Reason.SCALE_OUT_LEFT_BEHIND, message)
    return Opening(remediation.model_copy(update={"status": decision.status}), Reason.SCALE_OUT_LEFT_BEHIND, message)


def _next_name(policy: Policy, existing: Sequence[Remediation]) -> RemediationName:
    own = [item for item in existing if item.spec.policy_name == policy.name]
    number = 1 + max([policy.status.counter, *(item.number for item in own)])
    return RemediationName(f"{policy.name}-{number}")


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
