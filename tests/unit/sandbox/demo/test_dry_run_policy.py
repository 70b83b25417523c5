"""The demo's policy selects the alerts that the demo's rules raise; `test_dry_run_operator` runs the process."""

from datetime import UTC, datetime

import pytest

from remediator.api.matchers import matches_all
from remediator.replay.cli import load_policy
from remediator.replay.engine import Replay
from remediator.replay.recording import Observation
from sandbox.demo.monitoring import CHART, NAMESPACE, POD
from support.demo_alerts import alert_labels

START = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize("alertname", ["CircuitBreakerOpen", "BackendOutlier"])
def test_an_alert_of_the_rules_starts_an_incident(alertname: str) -> None:
    policy = load_policy(CHART / "policy.yaml", NAMESPACE)
    observation = Observation.model_validate(
        {
            "at": START,
            "alerts": [{"labels": alert_labels(alertname, "request"), "startsAt": START}],
            "workload": {
                "replicas": 1,
                "pods": [{"name": POD, "ready": True}],
                "rollout": "complete",
                "pdb": None,
                "hpa": None,
                "paused": False,
            },
        }
    )
    first = Replay(policy).step(observation)[0]
    assert (first.phase, first.reason, first.message) == ("Pending", "AlertFiring", f"{alertname} fires on {POD}.")


@pytest.mark.parametrize("label", ["service", "alertname"])
def test_an_alert_of_another_product_is_not_selected(label: str) -> None:
    policy = load_policy(CHART / "policy.yaml", NAMESPACE)
    assert not matches_all(policy.spec.alerts, alert_labels("CircuitBreakerOpen", "request") | {label: "other"})
