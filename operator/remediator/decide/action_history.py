"""The action history: what budgets and the cooldown count.

It is kept in the Remediations themselves, so that it survives a restart. Every action counts, also a successful one;
a revert does not. A dry run has an action history of its own.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from remediator.api.policy import Action, Budget, Mode, Policy
from remediator.api.remediation import Remediation
from remediator.decide.observed import ActionRecord

_COUNTED = {Action.ROLLOUT_RESTART, Action.SCALE_OUT}


def actions_of(remediation: Remediation) -> tuple[ActionRecord, ...]:
    """Return the actions of one remediation; the eviction of each pod is one."""
    dry_run = remediation.spec.mode is Mode.DRY_RUN
    moments: list[datetime] = []
    for step in remediation.status.steps:
        if step.action is Action.RESTART_PODS:
            moments += [pod.intended_at for pod in step.pods if pod.intended_at is not None]
        elif step.action in _COUNTED:
            moments.append(step.started_at)
    return tuple(ActionRecord(moment, remediation.name, dry_run=dry_run) for moment in moments)


def acted_itself(remediation: Remediation) -> bool:
    """Tell whether the remediation has acted itself; a scale-out that it adopted is an earlier one's action.

    The API server keeps the time of creation in whole seconds.
    """
    since = remediation.created_at.replace(microsecond=0)
    return any(record.at >= since for record in actions_of(remediation))


def history(remediations: Iterable[Remediation], *, without: str = "") -> tuple[ActionRecord, ...]:
    """Return the actions of all remediations of one target, but of one by name."""
    return tuple(record for other in remediations if other.name != without for record in actions_of(other))


def budget_free_at(policy: Policy, records: Iterable[ActionRecord], now: datetime) -> datetime | None:
    """Return when the next action fits into every budget, or ``None`` where it fits now."""
    moments = sorted(record.at for record in records)
    waits = [free for budget in policy.spec.guards.budgets if (free := _free_at(budget, moments, now)) is not None]
    return max(waits, default=None)


def budget_remaining(budget: Budget, records: Iterable[ActionRecord], now: datetime) -> int:
    """Return how many actions a budget still allows; never below 0."""
    used = sum(1 for record in records if record.at > now - budget.per)
    return max(0, budget.actions - used)


def cooldown_ends(cooldown: timedelta, records: Iterable[ActionRecord], now: datetime) -> datetime | None:
    """Return when the cooldown after the last action ends, or ``None`` where it is over."""
    last = max((record.at for record in records), default=None)
    return last + cooldown if last is not None and now < last + cooldown else None


def _free_at(budget: Budget, moments: list[datetime], now: datetime) -> datetime | None:
    within = [moment for moment in moments if moment > now - budget.per]
    if len(within) < budget.actions:
        return None
    return within[-budget.actions] + budget.per
