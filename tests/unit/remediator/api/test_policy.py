"""RemediationPolicy: its defaults, and what is refused with which sentence."""

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from remediator.api.policy import Action, Guards, Mode, Policy, QuietWindow, Scope

SPEC = {"targetRef": {"name": "gw"}, "alerts": ['alertname="CircuitBreakerOpen"']}


def _policy(**spec):
    return Policy.from_object({"metadata": {"name": "p", "namespace": "n"}, "spec": {**SPEC, **spec}})


def test_defaults_are_the_designs():
    spec = _policy().spec
    assert spec.mode is Mode.DRY_RUN
    assert [(step.action, step.when, step.verify.timeout) for step in spec.escalation] == [
        (Action.RESTART_PODS, Scope.MINORITY, timedelta(minutes=5)),
        (Action.RESTART_PODS, Scope.MINORITY, timedelta(minutes=5)),
    ]
    assert spec.history_limit == 200
    assert spec.guards.min_healthy == "50%"
    assert [(budget.actions, budget.per) for budget in spec.guards.budgets] == [
        (3, timedelta(hours=1)),
        (7, timedelta(hours=24)),
    ]
    assert spec.guards.cooldown == spec.guards.recovery_delay == timedelta(minutes=10)
    assert spec.verification.stable_for == timedelta(minutes=3)
    assert spec.handover.gated_for == spec.handover.unknown_for == timedelta(minutes=30)


@pytest.mark.parametrize(
    ("action", "scope"),
    [("RestartPods", "Minority"), ("RolloutRestart", "Minority"), ("Hold", "Any")],
)
def test_the_default_scope_follows_the_action(action, scope):
    assert _policy(escalation=[{"action": action}]).spec.escalation[0].when is Scope(scope)


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"alerts": []}, "at least 1 item"),
        ({"alerts": ['alertname=~".*"']}, "or it means every alert"),
        ({"alerts": ['alertname=""']}, "or it means every alert"),
        ({"escalation": [{"action": "RestartPods", "when": "Majority"}]}, "a restart does not help"),
        ({"escalation": [{"action": "RolloutRestart", "when": "Any"}]}, "a restart does not help"),
        ({"escalation": [{"action": "ScaleOut", "when": "Majority"}]}, "ScaleOut needs `by` and `max`"),
        ({"escalation": [{"action": "ScaleOut", "by": 1, "max": 2}]}, "ScaleOut needs `when`"),
        ({"escalation": [{"action": "Hold", "by": 1}]}, "belong to ScaleOut only"),
        ({"verification": {"stableFor": "1m"}}, "greater than or equal to"),
        ({"guards": {"minHealthy": "half"}}, "such as 50%"),
        ({"guards": {"minHealthy": "101%"}}, "such as 50%"),
        ({"guards": {"minHealthy": -1}}, "0 or more"),
        ({"guards": {"cooldown": "soon"}}, "not a duration"),
        (
            {
                "guards": {"maxReplicas": 3},
                "escalation": [{"action": "ScaleOut", "when": "Majority", "by": 1, "max": 5}],
            },
            "maxReplicas",
        ),
        ({"guards": {"quietWindows": [{"from": "1", "to": "2", "timeZone": "Mars/Base"}]}}, "time zone"),
        ({"targetRef": {"kind": "DaemonSet", "name": "x"}}, "Deployment"),
        ({"mode": "Off"}, "Enforce"),
        ({"bogus": 1}, "Extra inputs"),
    ],
)
def test_a_wrong_policy_is_refused_with_a_sentence(spec, sentence):
    with pytest.raises(ValidationError, match=sentence):
        _policy(**spec)


@pytest.mark.parametrize(
    ("value", "desired", "least"),
    [("50%", 1, 1), ("50%", 2, 1), ("50%", 3, 2), ("50%", 5, 3), ("0%", 5, 0), ("100%", 5, 5), (2, 5, 2)],
)
def test_min_healthy_rounds_up(value, desired, least):
    assert Guards(min_healthy=value).least_healthy(desired) == least


@pytest.mark.parametrize(
    ("moment", "inside"),
    [
        ("2026-03-02T21:59", False),  # Monday
        ("2026-03-02T22:00", True),
        ("2026-03-03T05:59", True),  # still Monday's window
        ("2026-03-03T06:00", False),
        ("2026-03-03T22:30", False),  # Tuesday
        ("2026-03-02T05:00", False),  # Sunday's would have been
    ],
)
def test_a_quiet_window_over_midnight_belongs_to_the_day_it_begins_on(moment, inside):
    window = QuietWindow.model_validate({"days": ["Mon"], "from": "22:00", "to": "06:00"})
    assert window.contains(datetime.fromisoformat(moment).replace(tzinfo=UTC)) is inside


def test_a_quiet_window_follows_its_time_zone():
    window = QuietWindow.model_validate({"from": "09:00", "to": "10:00", "timeZone": "Asia/Tashkent"})
    assert window.contains(datetime(2026, 3, 2, 4, 30, tzinfo=UTC))
    assert not window.contains(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
