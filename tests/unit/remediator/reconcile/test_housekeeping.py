"""Which ended remediations are deleted."""

from datetime import UTC, datetime, timedelta

import pytest

from remediator.api.names import PodName, PodUid
from remediator.api.policy import Action, Policy
from remediator.api.remediation import Phase, PodEntry, PodRestartState, Remediation, RemediationStatus, StepEntry
from remediator.reconcile.housekeeping import MAX_DELETED_PER_ROUND, run_housekeeping

NOW = datetime(2026, 3, 1, tzinfo=UTC)
POLICY = Policy.from_object(
    {
        "metadata": {"name": "breaker", "namespace": "shop"},
        "spec": {"targetRef": {"name": "web"}, "alerts": ['alertname="A"'], "historyLimit": 10, "history": 30},
    }
)


class Store:
    """Notes what is deleted."""

    def __init__(self) -> None:
        self.deleted: list[str] = []

    async def delete(self, remediation: Remediation) -> None:
        self.deleted.append(remediation.name)

    async def write_policy_status(self, *_: object) -> None:
        pass


def ended(number: int, phase: Phase = Phase.SUCCEEDED, days: float = 1) -> Remediation:
    at = NOW - timedelta(days=days) + timedelta(seconds=number)
    return Remediation.model_validate(
        {
            "name": f"breaker-{number}",
            "namespace": "shop",
            "createdAt": at,
            "spec": {"policyName": "breaker", "targetRef": {"name": "web"}},
            "status": RemediationStatus(phase=phase, ended_at=None if phase is Phase.ACTING else at),
        }
    )


async def deleted(remediations: list[Remediation]) -> list[str]:
    store = Store()
    await run_housekeeping(store, POLICY, remediations, NOW)  # type: ignore[arg-type]  # the calls it makes
    return store.deleted


async def test_two_thousand_remediations_shrink_to_the_history_limit_a_bounded_number_a_round() -> None:
    remediations = [ended(number) for number in range(2000)]
    first = await deleted(remediations)
    assert first == [f"breaker-{number}" for number in range(MAX_DELETED_PER_ROUND)]
    rounds = 0
    while names := set(await deleted(remediations)):
        remediations = [item for item in remediations if item.name not in names]
        rounds += 1
    assert len(remediations) == POLICY.spec.history_limit
    assert rounds == (2000 - POLICY.spec.history_limit) // MAX_DELETED_PER_ROUND + 1


@pytest.mark.parametrize("phase", [Phase.HANDED_OVER, Phase.ACTING])
async def test_an_open_handover_and_an_active_remediation_are_never_deleted(phase: Phase) -> None:
    assert await deleted([ended(number, phase, days=400) for number in range(30)]) == []


async def test_what_is_older_than_history_goes_though_there_are_few() -> None:
    assert await deleted([ended(1, days=31), ended(2, days=29)]) == ["breaker-1"]


def acted(number: int, minutes: float) -> Remediation:
    """A remediation that evicted a pod some minutes ago and ended."""
    remediation = ended(number, days=minutes / 1440)
    at = NOW - timedelta(minutes=minutes)
    pod = PodEntry(name=PodName("web-1"), uid=PodUid("1"), state=PodRestartState.EVICTED, at=at, intended_at=at)
    remediation.status.steps = [StepEntry(index=0, action=Action.RESTART_PODS, started_at=at, pods=[pod])]
    return remediation


async def test_what_a_budget_still_counts_is_kept_beyond_the_history_limit() -> None:
    """Otherwise a budget of more actions than the limit keeps records of, or of days, would never be used up."""
    longest = max(budget.per for budget in POLICY.spec.guards.budgets)
    counted = [acted(number, longest.total_seconds() / 60 - 1) for number in range(5)]
    over = [acted(number, longest.total_seconds() / 60 + 60 * 24) for number in range(5, 10)]
    newer = [ended(number, days=0) for number in range(10, 20)]
    assert await deleted([*counted, *over, *newer]) == [f"breaker-{number}" for number in range(5, 10)]
