"""How old the evidence of a decision is."""

from datetime import UTC, datetime, timedelta

from prometheus_client import CollectorRegistry

from remediator.api.names import PodName, PodUid
from remediator.api.policy import TargetRef
from remediator.decide.observed import Evaluation, ObservedPod, Workload
from remediator.intake.alert_store import AlertStore
from remediator.intake.sources import Polled
from remediator.metrics import Metrics
from remediator.observe.observer import Observer, World
from remediator.observe.signals import Signals
from remediator.observe.target import Target

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


async def no_refresh() -> None:
    """Nothing is polled."""


def test_the_age_of_the_oldest_evidence_is_a_metric() -> None:
    metrics = Metrics(CollectorRegistry())
    moments = iter([ago(20)])
    store = AlertStore(clock=lambda: next(moments), monotonic=lambda: 0.0, polling=True)
    store.replace(Polled([]), 0.0)
    observer = Observer(
        kubernetes=None,  # type: ignore[arg-type]  # not asked
        alert_store=store,
        signals=None,
        metrics=metrics,
        refresh=no_refresh,
        clock=lambda: NOW,
        settling=timedelta(seconds=45),
    )
    pods = tuple(ObservedPod(PodName(name), PodUid(name), ready=True) for name in "ab")
    signals = Signals(
        scraped={PodName("a"): ago(5), PodName("b"): ago(40), PodName("of-another-target"): ago(500)},
        evaluations={"A": Evaluation(ago(12), timedelta(seconds=15))},
    )
    world = World(Target(uid="t", selector="", workload=Workload(pods=pods)), target_gone=False, signals=signals)
    observer.observed(world, [], TargetRef(name="gw"), "")
    ages = {
        name: metrics.registry.get_sample_value("remediator_evidence_age_seconds", {"evidence": name})
        for name in ("scrape", "evaluation", "poll")
    }
    assert ages == {"scrape": 40.0, "evaluation": 12.0, "poll": 20.0}
