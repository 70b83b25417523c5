"""What is said about decisions: once, with a reason, to the policy and to the target."""

from datetime import UTC, datetime
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from remediator.api.policy import Policy
from remediator.api.remediation import Remediation
from remediator.decide.decision import Ignored, Opening
from remediator.decide.observed import Workload
from remediator.events import Note
from remediator.metrics import Metrics
from remediator.observe.target import Target
from remediator.reconcile.announce import Announcer

POLICY = Policy.from_object(
    {
        "metadata": {"name": "breaker", "namespace": "shop", "uid": "p"},
        "spec": {"targetRef": {"name": "web"}, "mode": "Enforce", "alerts": ['alertname="A"']},
    }
)
TARGET = Target(uid="dep", selector="", workload=Workload())


class Events:
    def __init__(self) -> None:
        self.notes: list[Note] = []

    def note(self, note: Note) -> None:
        self.notes.append(note)


class Bench:
    def __init__(self) -> None:
        self.events = Events()
        self.metrics = Metrics(CollectorRegistry())
        self.announcer = Announcer(
            events=self.events,  # type: ignore[arg-type]  # the one call it makes
            metrics=self.metrics,
            clock=lambda: datetime(2026, 1, 1, tzinfo=UTC),
        )

    def sample(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_refusal_is_told_once_until_it_ends(bench: Bench) -> None:
    refusal = Opening(None, "Paused", "A person paused the target.")
    bench.announcer.opening(POLICY, TARGET, refusal)
    bench.announcer.opening(POLICY, TARGET, refusal)
    bench.announcer.opening(POLICY, TARGET, Opening(None, "NoAlert", "", idle=True))
    bench.announcer.opening(POLICY, TARGET, refusal)
    assert [note.about.kind for note in bench.events.notes] == ["RemediationPolicy", "Deployment"] * 2
    labels = {"policy": "breaker", "action": "None", "reason": "Paused"}
    assert bench.sample("remediator_decisions_total", **labels) == 2


def test_thousand_ignored_alerts_are_one_event_a_reason(bench: Bench) -> None:
    ignored = tuple(Ignored(f"{n:016x}", "NotOurPod", f"Pod web-{n} is not one of web.") for n in range(1000))
    refusal = Opening(None, "NotOurPod", ignored[0].message, ignored=ignored)
    for _ in range(3):
        bench.announcer.ignored(POLICY, None, ignored)
        bench.announcer.opening(POLICY, None, refusal)
    (note,) = bench.events.notes
    assert "999 more like it" in note.message
    assert bench.sample("remediator_alerts_ignored_total", policy="breaker", reason="NotOurPod") == 1000


def remediation(name: str, phase: str, **metadata: Any) -> Remediation:
    return Remediation.from_object(
        {
            "metadata": {
                "name": name,
                "namespace": "shop",
                "creationTimestamp": "2026-01-01T00:00:00Z",
                **metadata,
            },
            "spec": {"policyName": "breaker", "targetRef": {"name": "web"}},
            "status": {
                "phase": phase,
                "steps": [{"index": 0, "action": "RolloutRestart", "startedAt": "2025-12-31T23:30:00Z"}],
            },
        }
    )


def test_gauges_follow_the_objects(bench: Bench) -> None:
    cleared = {"annotations": {"remediation.bot-gateway.dev/cleared-by": "Dana"}}
    bench.announcer.states(
        [POLICY],
        [remediation("breaker-1", "HandedOver"), remediation("breaker-2", "HandedOver", **cleared)],
    )
    assert bench.sample("remediator_remediations", policy="breaker", phase="HandedOver") == 2
    assert bench.sample("remediator_remediations", policy="breaker", phase="Acting") == 0
    assert bench.sample("remediator_handed_over", policy="breaker", target="Deployment/web") == 1
    labels = {"policy": "breaker", "target": "Deployment/web"}
    assert bench.sample("remediator_budget_remaining", per="3600s", **labels) == 1
    bench.announcer.states([], [])
    assert bench.sample("remediator_handed_over", policy="breaker", target="Deployment/web") is None
