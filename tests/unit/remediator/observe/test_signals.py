"""What Prometheus says, and what its silence does not say."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from remediator.decide.observed import Evaluation
from remediator.intake.payload import Received, ReceivedState
from remediator.intake.sources import Sample, SourceError
from remediator.observe.signals import SignalReader


class Prometheus:
    def __init__(self, answers: dict[str, list[Sample] | SourceError]) -> None:
        self._answers = answers
        self.asked: list[str] = []

    async def evaluations(self) -> dict[str, Evaluation]:
        return {"A": Evaluation(datetime(2026, 1, 1, tzinfo=UTC), timedelta(seconds=15))}

    async def query(self, expression: str) -> list[Sample]:
        assert 'namespace="shop"' in expression
        self.asked.append(expression)
        answer = next((found for part, found in self._answers.items() if part in expression), [])
        if isinstance(answer, SourceError):
            raise answer
        return answer


def reader(answers: dict[str, list[Sample] | SourceError]) -> SignalReader:
    return SignalReader(Prometheus(answers), "shop", "bot_gateway_")  # type: ignore[arg-type]  # the one call it makes


def received(**labels: str) -> Received:
    return Received("0" * 16, labels, datetime(2026, 1, 1, tzinfo=UTC), ReceivedState.ACTIVE)


async def test_alert_is_confirmed_by_a_series_that_has_no_other_labels() -> None:
    series = Sample({"__name__": "ALERTS", "alertstate": "firing", "alertname": "A", "pod": "a"}, 1)
    signals = await reader({"ALERTS": [series]}).read("web")
    assert signals.confirms(received(alertname="A", pod="a", cluster="external"))
    assert not signals.confirms(received(alertname="A", pod="b"))
    assert not signals.confirms(received(alertname="A"))


async def test_an_alert_whose_sample_is_minutes_old_confirms_nothing() -> None:
    """A Prometheus that crashed writes no stale markers: its last samples are shown for five minutes."""
    labels = {"alertname": "A", "pod": "a"}
    series = [
        Sample({**labels, "alertstate": "firing"}, 121),
        Sample({**labels, "alertstate": "pending"}, 121),
        Sample({**labels, "alertstate": "firing", "pod": "b"}, 30),
    ]
    signals = await reader({"time() - timestamp(ALERTS": series}).read("web")
    assert not signals.confirms(received(alertname="A", pod="a"))
    assert signals.confirms(received(alertname="A", pod="b"))
    assert signals.pending == frozenset()


async def test_breakers_and_successes_are_by_pod_and_backend() -> None:
    signals = await reader(
        {
            "state{": [
                Sample({"pod": "a", "service_name": "request"}, 1),
                Sample({"pod": "a", "service_name": "auth"}, float("nan")),
                Sample({"service_name": "request"}, 1),
            ],
            "requests_total": [Sample({"pod": "b", "service_name": "request"}, 3.5)],
        }
    ).read("web")
    assert signals.breakers == {"a": {"request": 1}}
    assert signals.successes == {"b": frozenset({"request"})}


@pytest.mark.parametrize("part", ["ALERTS", "state{", "last_success", "requests_total"])
async def test_half_an_answer_is_none(part: str) -> None:
    with pytest.raises(SourceError):
        await reader({part: SourceError("away")}).read("web")


async def test_pending_alerts_and_the_times_of_breakers_successes_and_samples_are_read() -> None:
    labels = {"pod": "a", "service_name": "request"}
    pending = Sample({"alertstate": "pending", "alertname": "A", **labels}, 1)
    signals = await reader(
        {
            "ALERTS": [pending],
            "timestamp(": [Sample({"pod": "a"}, 1_767_225_600.0)],
            "opened": [Sample(labels, 1_767_225_500.0)],
            "last_success": [Sample(labels, 0.0)],
        }
    ).read("web")
    assert signals.pending == {("A", "a", "request")}
    assert signals.scraped == {"a": datetime(2026, 1, 1, tzinfo=UTC)}
    assert signals.opened == {"a": {"request": datetime(2025, 12, 31, 23, 58, 20, tzinfo=UTC)}}
    assert signals.last_success == {"a": {}}
    assert signals.evaluations["A"].interval == timedelta(seconds=15)


async def test_a_gateway_that_exports_no_times_is_told_from_one_that_had_no_success() -> None:
    signals = await reader({}).read("web")
    assert (signals.opened, signals.last_success) == (None, None)


async def test_pods_are_asked_for_by_the_name_of_their_workload() -> None:
    prometheus = Prometheus({})
    asks = SignalReader(prometheus, "shop", "bot_gateway_")  # type: ignore[arg-type]  # the one call it makes
    await asks.read("gw.eu-1")
    expressions = [text for text in prometheus.asked if "ALERTS" not in text]
    assert len(expressions) == 5
    assert all('pod=~"gw\\\\.eu-1.*"' in text for text in expressions)


async def test_firing_alerts_are_asked_for_once_for_all_who_look_at_the_same_time() -> None:
    prometheus = Prometheus({})
    asks = SignalReader(prometheus, "shop", "bot_gateway_")  # type: ignore[arg-type]  # the one call it makes
    found = await asyncio.gather(*(asks.read(f"gw-{number}") for number in range(20)))
    assert sum("ALERTS" in text for text in prometheus.asked) == 1
    assert all(signals.firing is found[0].firing for signals in found)
