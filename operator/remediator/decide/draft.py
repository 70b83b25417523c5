"""A decision in the making: a copy of the status that is changed until it is right, then sealed."""

from datetime import datetime, timedelta

from remediator.api.limits import MAX_ALERTS, MAX_DECISIONS, MAX_STEPS_RECORDED
from remediator.api.names import PodName
from remediator.api.policy import Action, Mode, Policy
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
from remediator.decide.alerts import RESOLVED, AlertAssessment, is_proven_cleared
from remediator.decide.decision import Decision, EventType, Intent
from remediator.decide.guards import Gate
from remediator.decide.observed import Observed, ObservedAlert

RETRY_DELAY = timedelta(seconds=15)
MAX_RETRY_DELAY = timedelta(minutes=5)
FIRST_DECISIONS = 10
LAST_DECISIONS = 10
"""Kept of a long incident in any case, with its actions."""

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
        self.status.gate = None
        return self._seal(reason, message, intent=None if self.dry_run else intent)

    def back_off(self) -> None:
        """Set when an action that the API server did not accept is retried.

        The pause grows with the time that it has been refused, from ``RETRY_DELAY`` to ``MAX_RETRY_DELAY``.
        """
        refused_for = self.now - (self.status.gated_since or self.now)
        self.status.retry_at = self.now + min(max(RETRY_DELAY, refused_for), MAX_RETRY_DELAY)

    def wait_to_retry(self) -> Decision | None:
        """Keep waiting where the API server did not accept an action, so that it is not asked without pause."""
        until = self.status.retry_at
        if until is None or self.now >= until:
            self.status.retry_at = None
            return None
        return self._seal(self.status.reason, self.status.message, wake_at=until)

    def gate(self, gate: Gate, *, phase: Phase = Phase.GATED) -> Decision:
        """Decide to wait for a gate, or to hand over where a guard has been in the way for too long."""
        limit = None
        if gate.reason is Reason.QUIET_WINDOW:
            self.status.quiet_since = self.status.quiet_since or self.now
        else:
            self.resume_after_quiet_window()
        if gate.kind is GateKind.GUARD:
            self.status.gated_since = self.status.gated_since or self.now
            patience = self.policy.spec.handover.gated_for
            limit = self.status.gated_since + patience
            if self.now >= limit:
                message = f"Blocked for {format_duration(patience)}. {gate.message}"
                return self.finish(Phase.HANDED_OVER, Reason.GATED_TOO_LONG, message)
        elif gate.reason is not Reason.QUIET_WINDOW:
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

    def record_alerts(self, assessment: AlertAssessment, observed: Observed) -> None:
        """Bring the list of alerts up to date; an alert that is not listed any more is resolved once that is proven."""
        listed = (*assessment.firing, *assessment.suppressed, *assessment.predecessors)
        current = {alert.fingerprint: alert for alert in listed}
        pods = {pod.name: pod for pod in observed.pods}
        entries = []
        for entry in self.status.alerts:
            alert = current.pop(entry.fingerprint, None)
            if alert is not None:
                entries.append(_entry(alert))
                continue
            absent = entry.model_copy(update={"absent_since": entry.absent_since or self.now})
            pod = pods.get(PodName(entry.pod))
            if is_proven_cleared(absent, observed, self.now, self.status, pod):
                absent.state = RESOLVED
            entries.append(absent)
        new = [_entry(alert) for alert in current.values()]
        self.status.alerts_total = max(self.status.alerts_total, len(entries) + len(new))
        self.status.alerts = [*entries, *new][:MAX_ALERTS]

    @property
    def absent_since(self) -> datetime:
        """When the last alert of the incident stopped firing."""
        moments = (entry.absent_since for entry in self.status.alerts if entry.absent_since is not None)
        return max(moments, default=self.now)

    def bound_clocks(self, settling: timedelta) -> None:
        """Limit every clock to its full length from now: a wall clock that was set back must not prolong a wait."""
        status, spec = self.status, self.policy.spec
        longest = max(step.verify.timeout for step in spec.escalation)
        settle = spec.guards.recovery_delay if status.phase.has_settled else settling
        status.settling_until = _at_most(status.settling_until, self.now + settle)
        status.verify_until = _at_most(status.verify_until, self.now + longest)
        status.stable_until = _at_most(status.stable_until, self.now + spec.verification.stable_for)
        status.revert_not_before = _at_most(status.revert_not_before, self.now + spec.verification.stable_for)
        status.retry_at = _at_most(status.retry_at, self.now + MAX_RETRY_DELAY)
        status.first_alert_at = _at_most(status.first_alert_at, self.now)
        status.gated_since = _at_most(status.gated_since, self.now)
        status.unknown_since = _at_most(status.unknown_since, self.now)
        status.cleared_at = _at_most(status.cleared_at, self.now)

    def resume_after_quiet_window(self) -> None:
        """Move the handover clock on by the time that a quiet window was open."""
        since = self.status.quiet_since
        if since is not None and self.status.gated_since is not None:
            self.status.gated_since += self.now - since
        self.status.quiet_since = None

    def shift_clocks(self, by: timedelta) -> None:
        """Move every clock on that must not run while nothing is known."""
        status = self.status
        status.cleared_at = status.cleared_at + by if status.cleared_at else None
        status.verify_until = status.verify_until + by if status.verify_until else None
        status.stable_until = status.stable_until + by if status.stable_until else None
        if status.remaining_pods and status.settling_until:
            status.settling_until += by

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
            status.decisions = _bounded([*status.decisions, entry])
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


def _bounded(decisions: list[DecisionEntry]) -> list[DecisionEntry]:
    """Drop the oldest decisions that are neither among the first ones nor an action: they tell the least."""
    while len(decisions) > MAX_DECISIONS:
        middle = range(FIRST_DECISIONS, len(decisions) - LAST_DECISIONS)
        index = next((i for i in middle if decisions[i].action is Action.NONE), FIRST_DECISIONS)
        decisions = [*decisions[:index], *decisions[index + 1 :]]
    return decisions


def _at_most(moment: datetime | None, limit: datetime) -> datetime | None:
    return None if moment is None else min(moment, limit)


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
