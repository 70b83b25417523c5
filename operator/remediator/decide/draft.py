"""A decision in the making: a copy of the status that is changed until it is right, then sealed."""

from datetime import datetime, timedelta

from remediator.api.limits import MAX_ALERTS, MAX_DECISIONS, MAX_STEPS_RECORDED
from remediator.api.names import PodName
from remediator.api.policy import Action, Mode, Policy, Scope
from remediator.api.reasons import Reason
from remediator.api.remediation import (
    AlertEntry,
    Condition,
    DecisionEntry,
    GateKind,
    Phase,
    Remediation,
    StepEntry,
)
from remediator.api.values import format_duration
from remediator.decide.alerts import AlertAssessment
from remediator.decide.decision import Decision, EventType, Intent
from remediator.decide.guards import Gate
from remediator.decide.observed import ObservedAlert

_GIVEN_UP = {Phase.FAILED, Phase.HANDED_OVER}
_WORRYING = {*_GIVEN_UP, Phase.GATED}


class Draft:
    """The new status of one remediation, and how to say what was decided."""

    def __init__(self, policy: Policy, remediation: Remediation, now: datetime) -> None:
        self.policy = policy
        self.now = now
        self._original = remediation.status
        self.remediation = remediation.model_copy(deep=True)
        self.status = self.remediation.status

    @property
    def dry_run(self) -> bool:
        """Whether actions are only written down."""
        return self.remediation.spec.mode is Mode.DRY_RUN

    @property
    def has_acted(self) -> bool:
        """Whether any step was started."""
        return bool(self.status.steps)

    def wait(self, phase: Phase, reason: Reason, message: str, *, wake_at: datetime | None = None) -> Decision:
        """Decide to do nothing for now."""
        self.status.phase = phase
        if phase is not Phase.GATED:
            self.status.gate = None
        return self._seal(reason, message, wake_at=wake_at)

    def act(
        self,
        phase: Phase,
        action: Action,
        reason: Reason,
        message: str,
        intent: Intent | None,
        *,
        pods: tuple[PodName, ...] = (),
        replicas: int | None = None,
    ) -> Decision:
        """Decide to act. In a DryRun the intent is dropped: the caller has written down what it would have done."""
        self.status.phase = phase
        self.status.action = action
        self.status.gate = None
        self.status.held_since = None
        self.status.next_allowed_time = None
        intent = None if self.dry_run else intent
        return self._seal(reason, message, action=action, intent=intent, pods=pods, replicas=replicas)

    def repeat(self, reason: Reason, message: str, intent: Intent) -> Decision:
        """Decide to carry out again what is written down already: no new action, hence none in the records."""
        return self._seal(reason, message, intent=None if self.dry_run else intent)

    def wait_to_retry(self) -> Decision | None:
        """Wait on where the API server did not take an action, so that it is not asked without pause."""
        until = self.status.retry_at
        if until is None or self.now >= until:
            self.status.retry_at = None
            return None
        return self._seal(self.status.reason, self.status.message, wake_at=until)

    def gate(self, gate: Gate, *, phase: Phase = Phase.GATED) -> Decision:
        """Decide to wait for a gate, or to hand over where a guard has been in the way for too long."""
        limit = None
        if gate.kind is GateKind.GUARD:
            self.status.gated_since = self.status.gated_since or self.now
            patience = self.policy.spec.handover.gated_for
            limit = self.status.gated_since + patience
            if self.now >= limit:
                message = f"Blocked for {format_duration(patience)}. {gate.message}"
                return self.finish(Phase.HANDED_OVER, Reason.GATED_TOO_LONG, message)
        else:
            self.status.gated_since = None
        self.status.phase = phase
        self.status.gate = gate.kind
        self.status.next_allowed_time = gate.until
        return self._seal(gate.reason, gate.message, wake_at=_earliest(gate.until, limit))

    def finish(self, phase: Phase, reason: Reason, message: str) -> Decision:
        """Decide that the incident is over; a DryRun ends as one and keeps what the end would have been."""
        if phase in _GIVEN_UP:
            message = f"{message}{self._what_stays()}"
        if self.dry_run:
            self.status.outcome = phase
            phase = Phase.DRY_RUN
        self.status.phase = phase
        self.status.gate = None
        self.status.next_allowed_time = None
        self.status.ended_at = self.now
        return self._seal(reason, message)

    def add_step(self, step: StepEntry) -> None:
        """Write down a step; the oldest goes where there are too many."""
        self.status.steps = [*self.status.steps, step][-MAX_STEPS_RECORDED:]

    def condition(self, kind: str, status: bool | None, reason: Reason, message: str = "") -> None:
        """Set a condition; its transition time moves only when its status does. ``None`` is Unknown."""
        text = {True: "True", False: "False", None: "Unknown"}[status]
        old = next((condition for condition in self.status.conditions if condition.type == kind), None)
        since = old.last_transition_time if old is not None and old.status == text else self.now
        new = Condition.model_validate(
            {"type": kind, "status": text, "reason": reason, "message": message, "lastTransitionTime": since}
        )
        others = [condition for condition in self.status.conditions if condition.type != kind]
        self.status.conditions = sorted([*others, new], key=lambda condition: condition.type)

    def note_scope(self, scope: Scope, settling: timedelta) -> None:
        """Note how many are affected. After a shared fault a remaining minority settles anew: it may be ending."""
        if self.status.scope is Scope.MAJORITY and scope is Scope.MINORITY:
            self.status.settling_until = self.now + settling
        self.status.scope = scope

    def record_alerts(self, assessment: AlertAssessment) -> None:
        """Bring the list of alerts up to date; an alert that is gone stays in it as ``resolved``."""
        current = {alert.fingerprint: alert for alert in (*assessment.firing, *assessment.suppressed)}
        entries = [_refreshed(entry, current.pop(entry.fingerprint, None)) for entry in self.status.alerts]
        new = [_entry(alert) for alert in current.values()]
        self.status.alerts_total = max(self.status.alerts_total, len(entries) + len(new))
        self.status.alerts = [*entries, *new][:MAX_ALERTS]

    def shift_clocks(self, by: timedelta) -> None:
        """Move every clock on that must not run while nothing is known."""
        status = self.status
        status.cleared_at = status.cleared_at + by if status.cleared_at else None
        status.verify_until = status.verify_until + by if status.verify_until else None
        status.stable_until = status.stable_until + by if status.stable_until else None

    def _what_stays(self) -> str:
        """Return a sentence about a scale-out that was not reverted, for the person who takes over."""
        scaled = sum(step.action is Action.SCALE_OUT and step.accepted_at is not None for step in self.status.steps)
        lowered = sum(step.action is Action.REVERT and step.accepted_at is not None for step in self.status.steps)
        baseline = self.status.baseline
        if baseline is None or scaled <= lowered:
            return ""
        return f" The scale-out was not reverted: {baseline.kind}/{baseline.name} had {baseline.replicas} before."

    def _seal(
        self,
        reason: str,
        message: str,
        *,
        action: Action = Action.NONE,
        intent: Intent | None = None,
        pods: tuple[PodName, ...] = (),
        replicas: int | None = None,
        wake_at: datetime | None = None,
    ) -> Decision:
        status = self.status
        last = status.decisions[-1] if status.decisions else None
        is_news = last is None or action is not Action.NONE or (last.phase, last.reason) != (status.phase, reason)
        status.reason = reason
        if is_news:
            status.message = message
            entry = DecisionEntry(at=self.now, phase=status.phase, action=action, reason=reason, message=message)
            status.decisions = [*status.decisions, entry][-MAX_DECISIONS:]
        return Decision(
            status=status,
            changed=status != self._original,
            announce=is_news,
            phase=status.phase,
            reason=reason,
            message=message,
            action=action,
            pods=pods,
            replicas=replicas,
            intent=intent,
            wake_at=wake_at,
            event_type=EventType.WARNING if status.phase in _WORRYING else EventType.NORMAL,
        )


def _earliest(*moments: datetime | None) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)


def _entry(alert: ObservedAlert) -> AlertEntry:
    return AlertEntry(
        fingerprint=alert.fingerprint,
        starts_at=alert.starts_at,
        pod=alert.pod,
        service_name=alert.service_name,
        state=alert.state,
    )


def _refreshed(entry: AlertEntry, alert: ObservedAlert | None) -> AlertEntry:
    return entry.model_copy(update={"state": "resolved"}) if alert is None else _entry(alert)
