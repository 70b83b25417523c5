"""The outlier rule: single cases, properties of the rule, and properties of replicas that probe and publish."""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass, field, replace

from hypothesis import given, strategies as st

from app.backends.breaker import BreakerState
from app.backends.observations import Observations
from app.backends.outlier import OutlierDetector, OutlierPolicy, View, is_failing

POLICY = OutlierPolicy()
HEALTHY = View(
    calls=30, failures=0, slow=0, failed_probes=0, success_age=0.5, failure_age=None, breaker=BreakerState.CLOSED
)
CUT_OFF = replace(HEALTHY, failures=2, failed_probes=2, success_age=3.0, failure_age=0.1)


def views(**fixed: st.SearchStrategy[object]) -> st.SearchStrategy[View]:
    ages = st.none() | st.floats(0, 60)
    return st.builds(
        View,
        **{
            "calls": st.integers(0, 60),
            "failures": st.integers(0, 30),
            "slow": st.integers(0, 30),
            "failed_probes": st.integers(0, 5),
            "success_age": ages,
            "failure_age": ages,
            "breaker": st.sampled_from(BreakerState),
            **fixed,
        },
    )


def failing_views() -> st.SearchStrategy[View]:
    """Each fails for one reason at least; the other fields are arbitrary."""
    return st.one_of(
        views(failed_probes=st.integers(2, 5)),
        views(breaker=st.sampled_from([state for state in BreakerState if state is not BreakerState.CLOSED])),
        views(calls=st.just(5), failures=st.integers(3, 5)),
        views(calls=st.just(5), slow=st.integers(3, 5)),
    )


def healthy_views() -> st.SearchStrategy[View]:
    """Each with too few calls to judge by, or with few bad ones."""
    sound = {"failed_probes": st.just(0), "breaker": st.just(BreakerState.CLOSED)}
    few = views(**sound, calls=st.integers(0, 4))
    good = views(**sound, calls=st.integers(5, 60), failures=st.integers(0, 1), slow=st.integers(0, 1))
    return few | good


def detected() -> OutlierDetector:
    """A detector that has just found its replica to be an outlier."""
    detector = OutlierDetector(POLICY)
    assert detector.update(CUT_OFF, [HEALTHY, HEALTHY], 0.0) is False, "no peer has succeeded since the failure"
    assert detector.update(CUT_OFF, [HEALTHY, HEALTHY], 1.0) is True
    return detector


def test_failing_by_probes_breaker_or_ratio() -> None:
    assert not is_failing(replace(HEALTHY, failed_probes=1), POLICY)
    assert is_failing(replace(HEALTHY, failed_probes=2), POLICY)
    for state in BreakerState:
        assert is_failing(replace(HEALTHY, breaker=state), POLICY) is (state is not BreakerState.CLOSED)
    assert not is_failing(replace(HEALTHY, calls=4, failures=4), POLICY), "too few calls"
    assert is_failing(replace(HEALTHY, calls=6, failures=1, slow=2), POLICY)
    assert not is_failing(replace(HEALTHY, calls=6, failures=1, slow=1), POLICY)


def test_half_of_the_replicas_failing_is_a_shared_failure() -> None:
    for peers in ([HEALTHY], [HEALTHY, CUT_OFF], [HEALTHY, HEALTHY, CUT_OFF]):
        detector = OutlierDetector(POLICY)
        assert not any(detector.update(CUT_OFF, peers, now) for now in range(10))
    detector = OutlierDetector(POLICY)
    verdicts = [detector.update(CUT_OFF, [HEALTHY, HEALTHY, HEALTHY, CUT_OFF], now) for now in range(3)]
    assert verdicts == [False, True, True], "two of five"


def test_a_peer_whose_latest_probe_failed_is_no_proof() -> None:
    detector = OutlierDetector(POLICY)
    peers = [HEALTHY, replace(HEALTHY, failed_probes=1)]
    assert not any(detector.update(CUT_OFF, peers, now) for now in range(10))


def test_it_holds_until_thirty_seconds_of_good_probes() -> None:
    detector = detected()
    assert detector.update(HEALTHY, [HEALTHY, HEALTHY], 10.0)
    assert detector.update(HEALTHY, [HEALTHY, HEALTHY], 39.9)
    assert detector.update(replace(HEALTHY, failed_probes=1), [HEALTHY, HEALTHY], 39.95), "a lost probe starts it again"
    assert detector.update(HEALTHY, [HEALTHY, HEALTHY], 41.0)
    assert detector.update(HEALTHY, [HEALTHY, HEALTHY], 70.9)
    assert not detector.update(HEALTHY, [HEALTHY, HEALTHY], 71.0)


def test_a_shared_failure_ends_it_at_once() -> None:
    assert not detected().update(CUT_OFF, [CUT_OFF, HEALTHY], 5.0)


@given(st.lists(st.tuples(healthy_views(), st.lists(views(), max_size=8)), max_size=10))
def test_a_healthy_replica_never_becomes_an_outlier(steps: list[tuple[View, list[View]]]) -> None:
    detector = OutlierDetector(POLICY)
    assert not any(detector.update(own, peers, float(now)) for now, (own, peers) in enumerate(steps))


@given(
    st.lists(st.tuples(views(), st.lists(views(), max_size=6)), max_size=8),
    failing_views(),
    st.lists(failing_views(), max_size=6),
    st.lists(healthy_views(), max_size=6),
)
def test_in_a_shared_failure_nobody_is_an_outlier(
    history: list[tuple[View, list[View]]], own: View, failing: list[View], healthy: list[View]
) -> None:
    detector = OutlierDetector(POLICY)
    for now, (view, peers) in enumerate(history):
        detector.update(view, peers, float(now))
    shared = 2 * (1 + len(failing)) >= 1 + len(failing) + len(healthy)
    if detector.update(own, [*failing, *healthy], 100.0):
        assert not shared


@given(st.lists(healthy_views(), min_size=2, max_size=8), st.integers(0, 60))
def test_only_a_peer_that_succeeded_after_the_failure_is_proof(peers: list[View], seconds: int) -> None:
    detector = OutlierDetector(POLICY)
    own = replace(CUT_OFF, failure_age=0.0)
    detector.update(own, peers, 0.0)
    verdict = detector.update(own, peers, float(seconds))
    proof = any(peer.success_age is not None and seconds - peer.success_age > 0 for peer in peers)
    assert verdict is proof


@dataclass
class Replica:
    """Probes once per second and publishes once per second, each at an offset of its own."""

    clock: list[float]
    detector: OutlierDetector = field(default_factory=lambda: OutlierDetector(POLICY))

    def __post_init__(self) -> None:
        self.observations = Observations(slow_call_seconds=1.0, clock=lambda: self.clock[0])
        self.published: tuple[float, View] | None = None


def simulate(
    seed: int, replicas: int, affected: int, *, refuses: bool, seconds: float = 40.0
) -> list[tuple[float, int]]:
    """Let the first `affected` replicas lose the backend after 15 to 16 s; return who was an outlier, and when.

    `refuses` tells a connection that is refused at once from packets that are dropped until the time-out of 1 s.
    """
    rng = random.Random(seed)
    clock = [0.0]
    fault_at = 15 + rng.random()
    group = [Replica(clock) for _ in range(replicas)]
    order = itertools.count()
    queue: list[tuple[float, int, str, int, bool]] = []
    for number in range(replicas):
        heapq.heappush(queue, (rng.random(), next(order), "probe", number, False))
        heapq.heappush(queue, (rng.random(), next(order), "publish", number, False))
    found: list[tuple[float, int]] = []
    while queue and queue[0][0] < seconds:
        clock[0], _, kind, number, failed = heapq.heappop(queue)
        replica, now = group[number], clock[0]
        if kind == "probe":
            fails = now >= fault_at and number < affected
            takes = (0.001 if refuses else 1.0) if fails else rng.uniform(0.001, 0.2)
            heapq.heappush(queue, (now + takes, next(order), "result", number, fails))
            heapq.heappush(queue, (now + max(takes, rng.uniform(0.9, 1.1)), next(order), "probe", number, False))
        elif kind == "result":
            replica.observations.probe(failed=failed, seconds=0.01)
        else:
            own = replica.observations.view(BreakerState.CLOSED)
            replica.published = now, own
            peers = [_aged(*peer.published, now) for peer in group if peer is not replica and peer.published]
            if replica.detector.update(own, peers, now):
                found.append((now - fault_at, number))
            heapq.heappush(queue, (now + rng.uniform(1.0, 1.05), next(order), "publish", number, False))
    return found


def _aged(at: float, view: View, now: float) -> View:
    success = None if view.success_age is None else view.success_age + now - at
    return replace(view, success_age=success)


@given(st.integers(0, 10**9), st.integers(1, 8), st.booleans())
def test_no_replica_is_an_outlier_while_a_backend_goes_down_for_all(seed: int, replicas: int, refuses: bool) -> None:
    assert simulate(seed, replicas, replicas, refuses=refuses) == []


@given(st.integers(0, 10**9), st.integers(3, 8), st.booleans())
def test_one_replica_that_is_cut_off_is_found_within_ten_seconds(seed: int, replicas: int, refuses: bool) -> None:
    found = simulate(seed, replicas, 1, refuses=refuses)
    assert {number for _, number in found} == {0}
    assert 0 < found[0][0] < 10
