"""How long the parts of a remediation took, from the times in its status."""

from collections.abc import Iterator
from datetime import datetime

from remediator.api.policy import Action
from remediator.api.remediation import Phase, Remediation, StepEntry


def acting_stages(remediation: Remediation, intent_at: datetime, accepted_at: datetime) -> Iterator[tuple[str, float]]:
    """Yield the stages that an accepted action ends; times are when the API server had answered.

    The stages that count from the end of settling are of a first action that no guard delayed.
    """
    status = remediation.status
    yield "intent_to_accepted", (accepted_at - intent_at).total_seconds()
    waited = any(entry.phase is Phase.GATED for entry in status.decisions)
    acted = [entry for entry in status.decisions if entry.action is not Action.NONE]
    if status.settling_until is not None and len(acted) == 1 and not waited:
        yield "settled_to_intent", (intent_at - status.settling_until).total_seconds()
        yield "settled_to_accepted", (accepted_at - status.settling_until).total_seconds()


def closing_stages(remediation: Remediation) -> Iterator[tuple[str, float]]:
    """Yield the stages of a remediation that succeeded."""
    status = remediation.status
    if status.phase is not Phase.SUCCEEDED or not status.steps:
        return
    accepted = _last_accepted(status.steps)
    ready = next(
        (item.last_transition_time for item in status.conditions if item.type == "Ready" and item.status == "True"),
        None,
    )
    if accepted is not None and ready is not None and ready >= accepted:
        yield "accepted_to_ready", (ready - accepted).total_seconds()
    if accepted is not None and status.cleared_at is not None and status.cleared_at >= accepted:
        yield "accepted_to_cleared", (status.cleared_at - accepted).total_seconds()
    began = min((alert.starts_at for alert in status.alerts), default=None)
    if began is not None and status.cleared_at is not None:
        yield "alert_to_recovered", (status.cleared_at - began).total_seconds()


def _last_accepted(steps: list[StepEntry]) -> datetime | None:
    times = [step.accepted_at for step in steps if step.action is not Action.REVERT and step.accepted_at is not None]
    return max(times, default=None)
