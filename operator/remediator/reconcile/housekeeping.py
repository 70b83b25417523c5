"""What is kept in order beside the incidents: old records go, the policy's counter and a person's name are noted."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog

from remediator.api.policy import Policy
from remediator.api.remediation import Phase, Remediation
from remediator.decide.action_history import actions_of
from remediator.decide.opening import is_cleared
from remediator.kube import ConflictError, NotFoundError
from remediator.reconcile.store import Store

MAX_DELETED_PER_ROUND = 20
"""Bounds the API calls of one round; the next rounds delete the rest."""

_log = structlog.get_logger(__name__)


async def run_housekeeping(store: Store, policy: Policy, remediations: Sequence[Remediation], now: datetime) -> None:
    """Do what is due; what changed meanwhile is left for the next round. Raises KubeError."""
    own = [item for item in remediations if item.spec.policy_name == policy.name]
    try:
        await _write_policy_status(store, policy, own, now)
        for remediation in own:
            await _note_who_cleared(store, policy, remediation)
        for remediation in _to_delete(policy, own, now):
            await store.delete(remediation)
            _log.info("old remediation deleted", remediation=remediation.name)
    except (ConflictError, NotFoundError) as error:
        _log.info("housekeeping waits for the next round", policy=policy.name, why=str(error))


async def _write_policy_status(store: Store, policy: Policy, own: Sequence[Remediation], now: datetime) -> None:
    newest = max(own, key=lambda item: item.number, default=None)
    active = next((item for item in own if item.active), None)
    last = active or newest
    status = policy.status.model_copy(
        update={
            "observed_generation": policy.generation,
            "counter": max(policy.status.counter, newest.number if newest else 0),
            "active_remediation": active.name if active else None,
        }
    )
    if last is not None and last.status.reason != policy.status.last_reason:
        status.last_reason = last.status.reason
        status.last_message = last.status.message
        status.last_decision_time = now
    if status != policy.status:
        await store.write_policy_status(policy, status)


async def _note_who_cleared(store: Store, policy: Policy, remediation: Remediation) -> None:
    person = remediation.cleared_by_annotation
    if remediation.status.phase is Phase.HANDED_OVER and person and remediation.status.cleared_by != person:
        status = remediation.status.model_copy(update={"cleared_by": person})
        await store.write(remediation, status, policy)


def _to_delete(policy: Policy, own: Sequence[Remediation], now: datetime) -> list[Remediation]:
    """Return the ended remediations that are too old or too many, oldest first; a few a round are enough."""
    ended = sorted(
        (item for item in own if _may_go(policy, item, now)),
        key=lambda item: (item.status.ended_at or now, item.number),
    )
    surplus = len(ended) - policy.spec.history_limit
    oldest = now - timedelta(days=policy.spec.history)
    old = [item for index, item in enumerate(ended) if index < surplus or (item.status.ended_at or now) <= oldest]
    return old[:MAX_DELETED_PER_ROUND]


def _may_go(policy: Policy, remediation: Remediation, now: datetime) -> bool:
    status, guards = remediation.status, policy.spec.guards
    if remediation.active or status.ended_at is None:
        return False
    # The records are what budgets and cooldown count: without them a used-up budget would be free again.
    counted = max([guards.cooldown, *(budget.per for budget in guards.budgets)])
    if any(record.at > now - counted for record in actions_of(remediation)):
        return False
    return status.phase is not Phase.HANDED_OVER or is_cleared(remediation)
