"""What a replica remembers of its calls: counts of a sliding window, whatever the traffic."""

from hypothesis import given, strategies as st

from app.backends.breaker import BreakerState
from app.backends.observations import WINDOW_SECONDS, Observations
from app.backends.outlier import View

CLOSED = BreakerState.CLOSED


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def observations(clock: Clock) -> Observations:
    return Observations(slow_call_seconds=1.0, clock=clock)


def test_nothing_seen() -> None:
    assert observations(Clock()).view(CLOSED) == View(0, 0, 0, 0, None, None, CLOSED)


def test_a_failed_call_is_not_slow_as_well() -> None:
    clock = Clock()
    target = observations(clock)
    target.call(failed=True, seconds=15.0)
    target.call(failed=False, seconds=1.0)
    target.call(failed=False, seconds=0.99)
    clock.now += 2
    assert target.view(CLOSED) == View(3, 1, 1, 0, 2.0, 2.0, CLOSED)


def test_probes_count_as_calls_and_their_failures_in_a_row() -> None:
    clock = Clock()
    target = observations(clock)
    for failed, expected in ((True, 1), (True, 2), (False, 0), (True, 1)):
        target.probe(failed=failed, seconds=0.1)
        assert target.failed_probes == expected
    target.call(failed=False, seconds=0.1)
    assert target.view(CLOSED).failed_probes == 1, "a call of a user does not end a run of failed probes"
    assert target.view(CLOSED).calls == 5


@given(st.lists(st.tuples(st.sampled_from([0.0, 0.25, 1.0, 7.5, 40.0]), st.booleans()), max_size=200))
def test_only_the_last_thirty_seconds_count(steps: list[tuple[float, bool]]) -> None:
    clock = Clock()
    target = observations(clock)
    history: list[tuple[float, bool]] = []
    for wait, failed in steps:
        clock.now += wait
        target.call(failed=failed, seconds=0.1)
        history.append((clock.now, failed))
    view = target.view(CLOSED)
    recent = [failed for at, failed in history if int(at) > int(clock.now) - WINDOW_SECONDS]
    assert (view.calls, view.failures) == (len(recent), sum(recent))
    assert len(target._seconds) <= WINDOW_SECONDS
