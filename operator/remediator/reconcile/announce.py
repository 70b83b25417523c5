"""Report decisions: Events on the policy and the target, metrics, a log line."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog

from remediator.api.names import API_VERSION, POLICY_KIND
from remediator.api.policy import Action, Policy
from remediator.api.remediation import Phase, Remediation
from remediator.decide.action_history import budget_remaining, history
from remediator.decide.decision import Decision, EventType, Ignored, Opening
from remediator.decide.opening import is_cleared
from remediator.events import EventRecorder, Note, ObjectReference
from remediator.metrics import Metrics
from remediator.observe.target import Target
from remediator.tracing import trace_id

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Said:
    """What was reported last about a policy, so that nothing is reported twice in a row."""

    refusal: str = ""
    ignored: frozenset[str] = frozenset()


class Announcer:
    """Reports what is new."""

    def __init__(self, *, events: EventRecorder, metrics: Metrics, clock: Callable[[], datetime]) -> None:
        self._events = events
        self._metrics = metrics
        self._clock = clock
        self._said: dict[str, _Said] = {}

    def decision(self, policy: Policy, remediation: Remediation, target: Target | None, decision: Decision) -> None:
        """Report a decision about an active remediation, where it is news."""
        if not decision.announce:
            return
        traced = trace_id(remediation)
        self._tell(
            policy,
            target,
            action=decision.action,
            reason=decision.reason,
            message=f"{remediation.name}: {decision.message}{f' (trace {traced})' if traced else ''}",
            event_type=decision.event_type,
            phase=decision.phase,
        )

    def opening(self, policy: Policy, target: Target | None, opening: Opening) -> None:
        """Report an incident that starts, or the reason why none does, once while it lasts.

        The reason of an ignored alert is reported by :meth:`ignored`.
        """
        said = self._said.setdefault(policy.name, _Said())
        if opening.remediation is None:
            already = opening.reason in {said.refusal, *(item.reason for item in opening.ignored)}
            said.refusal = "" if opening.idle else opening.reason
            if opening.idle or already:
                return
        else:
            said.refusal = ""
        name = opening.remediation.name if opening.remediation else policy.name
        self._tell(
            policy,
            target,
            action=Action.NONE,
            reason=opening.reason,
            message=f"{name}: {opening.message}",
            event_type=EventType.NORMAL,
            phase=opening.remediation.status.phase if opening.remediation else None,
        )

    def ignored(self, policy: Policy, target: Target | None, ignored: Sequence[Ignored]) -> None:
        """Report alerts of the policy that start nothing: once for each reason while it lasts."""
        said = self._said.setdefault(policy.name, _Said())
        reasons = frozenset(item.reason for item in ignored)
        for reason in sorted(reasons - said.ignored):
            alike = [item for item in ignored if item.reason == reason]
            self._metrics.alerts_ignored.labels(policy.name, reason).inc(len(alike))
            more = f" ({len(alike) - 1} more like it)" if len(alike) > 1 else ""
            self._tell(
                policy,
                target,
                action=Action.NONE,
                reason=reason,
                message=f"{policy.name}: {alike[0].message}{more}",
                event_type=EventType.NORMAL,
                phase=None,
            )
        said.ignored = reasons

    def state(self, policy: Policy, remediations: Sequence[Remediation]) -> None:
        """Bring the gauges about one policy's remediations and budgets up to date."""
        metrics = self._metrics
        now = self._clock()
        target = policy.spec.target_ref
        own = [item for item in remediations if item.spec.policy_name == policy.name]
        counts = Counter(item.status.phase for item in own)
        for phase in Phase:
            metrics.remediations.labels(policy.name, phase).set(counts[phase])
        handed = [item for item in own if item.status.phase is Phase.HANDED_OVER and not is_cleared(item)]
        metrics.handed_over.labels(policy.name, str(target)).set(len(handed))
        past = history(item for item in remediations if item.spec.target_ref == target)
        records = [record for record in past if not record.dry_run]
        for budget in policy.spec.guards.budgets:
            per = f"{int(budget.per.total_seconds())}s"
            left = budget_remaining(budget, records, now)
            metrics.budget_remaining.labels(policy.name, str(target), per).set(left)

    def states(self, policies: Sequence[Policy], remediations: Sequence[Remediation]) -> None:
        """Bring the gauges of all policies up to date; those of a policy that went go with it."""
        for gauge in (self._metrics.remediations, self._metrics.handed_over, self._metrics.budget_remaining):
            gauge.clear()
        for policy in policies:
            self.state(policy, remediations)

    def _tell(
        self,
        policy: Policy,
        target: Target | None,
        *,
        action: Action,
        reason: str,
        message: str,
        event_type: EventType,
        phase: Phase | None,
    ) -> None:
        self._metrics.decisions.labels(policy.name, action, reason).inc()
        _log.info("decision", policy=policy.name, phase=phase, action=action, reason=reason, message=message)
        acting = "" if action is Action.NONE else f"{action}: "
        for about in _objects(policy, target):
            self._events.note(
                Note(
                    about=about,
                    kind=event_type.value,
                    action=action,
                    reason=reason,
                    message=f"{acting}{message}",
                    at=self._clock(),
                )
            )


def _objects(policy: Policy, target: Target | None) -> list[ObjectReference]:
    found = [ObjectReference(API_VERSION, POLICY_KIND, policy.namespace, policy.name, policy.uid)]
    if target is not None:
        ref = policy.spec.target_ref
        found.append(ObjectReference(ref.api_version, ref.kind, policy.namespace, ref.name, target.uid))
    return found
