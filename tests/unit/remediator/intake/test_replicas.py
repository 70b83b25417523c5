"""Several replicas of Alertmanager, or of Prometheus, where they do not agree."""

from datetime import UTC, datetime, timedelta

import pytest

from remediator.api.names import Backend, PodName
from remediator.decide.observed import Evaluation
from remediator.intake.payload import Received, ReceivedState
from remediator.intake.replicas import AlertmanagerReplicas
from remediator.intake.sources import Polled, SourceError
from remediator.observe.replicas import SignalReplicas
from remediator.observe.signals import Signals

NOW = datetime(2026, 1, 1, tzinfo=UTC)
POD, BACKEND = PodName("gw-a"), Backend("request")


def received(name: str, state: ReceivedState = ReceivedState.ACTIVE, at: datetime = NOW) -> Received:
    return Received(name * 16, {"alertname": name}, at, state)


class Replica:
    """A replica that answers with one thing, or not at all."""

    def __init__(self, answer: Polled | Signals | None) -> None:
        self._answer = answer

    async def poll(self, _receiver: str = "") -> Polled:
        if not isinstance(self._answer, Polled):
            raise SourceError("no answer", 7.0)
        return self._answer

    async def prove(self) -> bool:
        return True

    async def read(self, _workload: str) -> Signals:
        if not isinstance(self._answer, Signals):
            raise SourceError("no answer")
        return self._answer


async def test_what_one_alertmanager_has_firing_fires_and_what_one_has_silenced_is_silenced() -> None:
    one = Polled([received("a"), received("b", at=NOW + timedelta(seconds=9))], started_at=NOW)
    two = Polled([received("b", ReceivedState.SUPPRESSED)], started_at=NOW + timedelta(hours=1))
    for pair in ((one, two), (two, one)):
        polled = await AlertmanagerReplicas([Replica(item) for item in pair]).poll()
        found = {alert.labels["alertname"]: (alert.state, alert.starts_at) for alert in polled.alerts}
        assert found == {"a": (ReceivedState.ACTIVE, NOW), "b": (ReceivedState.SUPPRESSED, NOW)}
        assert polled.complete
        assert polled.started_at == NOW + timedelta(hours=1)


async def test_an_answer_without_one_alertmanager_is_not_complete_and_without_all_of_them_none() -> None:
    polled = await AlertmanagerReplicas([Replica(Polled([received("a")])), Replica(None)]).poll()
    assert [alert.labels["alertname"] for alert in polled.alerts] == ["a"]
    assert not polled.complete
    with pytest.raises(SourceError) as error:
        await AlertmanagerReplicas([Replica(None), Replica(None)]).poll()
    assert error.value.retry_after == 7.0


async def test_a_mute_that_one_alertmanager_knows_counts() -> None:
    replicas = [Replica(Polled([], muted=None)), Replica(Polled([], muted=frozenset({"x"})))]
    assert (await AlertmanagerReplicas(replicas).poll()).muted == {"x"}
    assert (await AlertmanagerReplicas(replicas[:1]).poll()).muted is None


async def test_of_two_prometheus_the_open_breaker_and_the_older_look_count() -> None:
    early, late = NOW, NOW + timedelta(seconds=10)
    one = Signals(
        breakers={POD: {BACKEND: 1}},
        scraped={POD: late},
        last_success={POD: {BACKEND: late}},
        evaluations={"A": Evaluation(early, timedelta(seconds=15)), "B": Evaluation(early, timedelta(seconds=15))},
    )
    two = Signals(
        firing={"gw-a": [frozenset({("alertname", "A")})]},
        breakers={POD: {BACKEND: 0}},
        scraped={POD: early},
        evaluations={"A": Evaluation(late, timedelta(seconds=15))},
    )
    for pair in ((one, two), (two, one)):
        signals = await SignalReplicas([Replica(item) for item in pair]).read("gw")
        assert signals.breakers == {POD: {BACKEND: 1}}
        assert signals.scraped == {POD: early}
        assert signals.last_success == {POD: {BACKEND: late}}
        assert {name: item.at for name, item in signals.evaluations.items()} == {"A": early}
        assert signals.firing == two.firing
        assert signals.complete


async def test_signals_without_one_prometheus_are_not_complete() -> None:
    assert not (await SignalReplicas([Replica(Signals()), Replica(None)]).read("gw")).complete
