"""Whether an incident starts, and with which step."""

from collections.abc import Sequence
from datetime import datetime

from remediator.api.names import RemediationName
from remediator.api.policy import Action, Mode, Policy
from remediator.api.reasons import Reason
from remediator.api.remediation import Phase, Remediation, RemediationSpec, RemediationStatus
from remediator.decide.acting import start_verifying
from remediator.decide.alerts import AlertAssessment, AlertSignal, assess_alerts
from remediator.decide.decision import Decision, Opening
from remediator.decide.draft import Draft
from remediator.decide.observed import Observed, Workload
from remediator.decide.orphaned_scale_out import OrphanedScaleOut, adopt, find_orphaned_scale_out
from remediator.decide.scope import inherit_affected

_ENDED_BY_ITSELF = {Phase.SUCCEEDED, Phase.FAILED, Phase.UNPROVEN, Phase.NOT_NEEDED}


def open_remediation(policy: Policy, existing: Sequence[Remediation], observed: Observed, now: datetime) -> Opening:
    """Decide whether a new Remediation is due.

    Args:
        policy: the policy whose alerts are looked at.
        existing: every Remediation of the namespace, terminal ones too; those of other policies or targets are
            told apart here.
        observed: the world.
        now: the time.
    """
    observed = observed.without_stale_samples()
    assessment = assess_alerts(policy, observed, now)
    if any(remediation.active for remediation in _own(policy, existing)):
        return Opening(
            None,
            Reason.ACTIVE,
            "A remediation of this policy is active already.",
            idle=True,
            ignored=assessment.ignored,
        )
    orphan = find_orphaned_scale_out(policy, existing, observed)
    if orphan is not None and assessment.signal is AlertSignal.CLEARED:
        reason = _forbidden(policy, existing, observed)
        if reason is None:
            return _opened_to_revert(policy, existing, observed, orphan, now)
    if not (assessment.firing or assessment.suppressed or assessment.predecessors or assessment.ignored):
        return Opening(None, Reason.NO_ALERT, "No alert of the policy fires.", idle=True)
    reason = _why_not(policy, existing, observed, assessment)
    if reason is not None:
        return Opening(None, *reason, ignored=assessment.ignored)
    return _opened(policy, existing, observed, assessment, orphan, now)


def _own(policy: Policy, existing: Sequence[Remediation]) -> list[Remediation]:
    target = policy.spec.target_ref
    return [
        item
        for item in existing
        if item.spec.policy_name == policy.name and item.spec.target_ref == target and not item.foreign
    ]


def close_foreign(policy: Policy, remediation: Remediation, now: datetime) -> Decision:
    """End a Remediation that someone else created: only the operator's own records lead to actions."""
    message = "Someone else created this object. The operator does nothing for it and closes it. Delete it."
    return Draft(policy, remediation, now).finish(Phase.FAILED, Reason.NOT_CREATED_BY_OPERATOR, message)


def _why_not(
    policy: Policy, existing: Sequence[Remediation], observed: Observed, assessment: AlertAssessment
) -> tuple[Reason, str] | None:
    target = policy.spec.target_ref
    if observed.target_gone:
        return Reason.TARGET_GONE, f"{target} does not exist."
    if assessment.signal is AlertSignal.UNKNOWN:
        return assessment.unknown_reason, assessment.unknown_message
    if assessment.signal is AlertSignal.SUPPRESSED:
        return (
            Reason.ALERT_SUPPRESSED,
            "The alert is silenced, inhibited or muted. Nothing is started while that lasts.",
        )
    if assessment.predecessors and not assessment.firing:
        pod = assessment.predecessors[0].pod
        return Reason.PREDECESSOR_ALERT, f"The alert on {pod} is that of its predecessor. Waiting for it to clear."
    if assessment.signal is AlertSignal.CLEARED:
        first = assessment.ignored[0]
        return first.reason, first.message
    return _forbidden(policy, existing, observed) or _after_dry_run(policy, existing, assessment)


def _forbidden(policy: Policy, existing: Sequence[Remediation], observed: Observed) -> tuple[Reason, str] | None:
    """Return why a person's setting forbids any action on the target."""
    target = policy.spec.target_ref
    workload = observed.workload or Workload()
    if policy.spec.mode is Mode.PAUSED or workload.paused:
        return (
            Reason.PAUSED,
            "A person paused the policy, the target or its namespace. No remediation starts. Remove the "
            "pause to allow it.",
        )
    if not workload.allowed:
        return (
            Reason.NOT_OPTED_IN,
            f"{target} does not have the opt-in annotation. No remediation starts. Annotate it to allow "
            "policies to act on it.",
        )
    for other in existing:
        if (
            not other.foreign
            and other.spec.target_ref == target
            and other.status.phase is Phase.HANDED_OVER
            and not is_cleared(other)
        ):
            return (
                Reason.HANDED_OVER,
                f"{other.name} was handed over to people and is not cleared yet. No remediation starts. Clear it "
                "to allow the next one.",
            )
    return None


def is_cleared(remediation: Remediation) -> bool:
    """Tell whether a person took note of a handover."""
    return bool(remediation.cleared_by_annotation or remediation.status.cleared_by)


def _after_dry_run(
    policy: Policy, existing: Sequence[Remediation], assessment: AlertAssessment
) -> tuple[Reason, str] | None:
    """A dry run repairs nothing, so the alert it ended with still fires: only a new one starts a new dry run."""
    last = _newest(_of_mode(policy, existing))
    if last is None or last.status.outcome not in {Phase.HANDED_OVER, Phase.FAILED} or last.status.ended_at is None:
        return None
    since = last.status.ended_at + policy.spec.guards.recovery_delay
    if any(alert.starts_at >= since for alert in assessment.firing):
        return None
    return (
        Reason.DRY_RUN_ENDED,
        f"{last.name} would have been handed over, and the same alert still fires. No new dry run starts "
        "before a new alert.",
    )


def _of_mode(policy: Policy, existing: Sequence[Remediation]) -> list[Remediation]:
    return [item for item in _own(policy, existing) if item.spec.mode is policy.spec.mode]


def _newest(remediations: Sequence[Remediation]) -> Remediation | None:
    return max(remediations, key=lambda item: (item.number, item.created_at), default=None)


def _opened(
    policy: Policy,
    existing: Sequence[Remediation],
    observed: Observed,
    assessment: AlertAssessment,
    orphan: OrphanedScaleOut | None,
    now: datetime,
) -> Opening:
    previous = _relapse_of(policy, existing, now)
    alert = assessment.firing[0]
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
    draft.record_alerts(assessment, observed)
    recent = _ended_recently(policy, existing, now)
    if recent is not None:
        inherit_affected(draft.status, recent.status, observed)
    if orphan is not None:
        adopt(draft, orphan)
    message = f"{remediation.status.alert_name} fires on {alert.pod}."
    if previous is not None:
        message = f"{message} It came back after {previous.name}, so the next step is due."
    decision = draft.wait(Phase.PENDING, Reason.ALERT_FIRING, message)
    opened = remediation.model_copy(update={"status": decision.status})
    return Opening(opened, Reason.ALERT_FIRING, message, ignored=assessment.ignored)


def _opened_to_revert(
    policy: Policy, existing: Sequence[Remediation], observed: Observed, orphan: OrphanedScaleOut, now: datetime
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
    step = adopt(draft, orphan)
    message = (
        f"The remediation of the scale-out of {orphan.described} was deleted. The operator reverts it "
        "once the target is stable."
    )
    decision = start_verifying(draft, step, Reason.SCALE_OUT_LEFT_BEHIND, message)
    return Opening(remediation.model_copy(update={"status": decision.status}), Reason.SCALE_OUT_LEFT_BEHIND, message)


def _next_name(policy: Policy, existing: Sequence[Remediation]) -> RemediationName:
    own = [item for item in existing if item.spec.policy_name == policy.name]
    number = 1 + max([policy.status.counter, *(item.number for item in own)])
    # A name that a person took, also for another policy, would be refused (409) each time.
    taken = {str(item.name) for item in existing}
    while f"{policy.name}-{number}" in taken:
        number += 1
    return RemediationName(f"{policy.name}-{number}")


def _ended_recently(policy: Policy, existing: Sequence[Remediation], now: datetime) -> Remediation | None:
    """Return the remediation before this one where it ended so recently that the failure may be the same."""
    last = _newest(_of_mode(policy, existing))
    if (
        last is None
        or last.status.ended_at is None
        or (last.status.outcome or last.status.phase) not in _ENDED_BY_ITSELF
    ):
        return None
    return last if now < last.status.ended_at + policy.spec.guards.recovery_delay else None


def _relapse_of(policy: Policy, existing: Sequence[Remediation], now: datetime) -> Remediation | None:
    """Return the remediation after which the alert came back too soon to count as new."""
    last = _newest(_of_mode(policy, existing))
    if last is None or not any(step.action is not Action.REVERT for step in last.status.steps):
        return None
    ended = last.status.outcome or last.status.phase
    if ended not in {Phase.SUCCEEDED, Phase.FAILED, Phase.UNPROVEN}:
        return None
    cleared = last.status.cleared_at or last.status.ended_at
    if cleared is None or now >= cleared + policy.spec.guards.recovery_delay:
        return None
    return last
