"""The circuit breaker, compared with a model that keeps every outcome and counts them anew each time."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings, strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from app.backends.breaker import BreakerOpenError, BreakerPolicy, BreakerState, CircuitBreaker, Permit

POLICY = BreakerPolicy(window_seconds=30.0, minimum_calls=5, failure_ratio=0.5, open_seconds=30.0)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def breaker(clock: Clock, transitions: list[BreakerState] | None = None) -> CircuitBreaker:
    record = transitions if transitions is not None else []
    return CircuitBreaker(POLICY, clock=clock, on_transition=record.append)


def fail(target: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        target.acquire().fail()


def test_opens_at_the_ratio_and_not_below_the_minimum_of_calls() -> None:
    target = breaker(Clock())
    fail(target, 4)
    assert target.state is BreakerState.CLOSED
    fail(target, 1)
    assert target.state is BreakerState.OPEN


def test_failures_older_than_the_window_do_not_count() -> None:
    clock = Clock()
    target = breaker(clock)
    fail(target, 4)
    clock.now += 30.0
    fail(target, 4)
    assert target.state is BreakerState.CLOSED


def test_successes_keep_it_closed() -> None:
    target = breaker(Clock())
    for _ in range(6):
        target.acquire().succeed()
    fail(target, 5)
    assert target.state is BreakerState.CLOSED
    fail(target, 1)
    assert target.state is BreakerState.OPEN


def test_open_refuses_calls_for_open_seconds() -> None:
    clock = Clock()
    target = breaker(clock)
    fail(target, 5)
    clock.now += 29.9
    with pytest.raises(BreakerOpenError):
        target.acquire()
    assert target.seconds_until_probe() == pytest.approx(0.1)
    clock.now += 0.1
    target.acquire()
    assert target.state is BreakerState.HALF_OPEN


def test_half_open_permits_one_trial_call_at_a_time() -> None:
    clock = Clock()
    target = breaker(clock)
    fail(target, 5)
    clock.now += 30.0
    probe = target.acquire()
    with pytest.raises(BreakerOpenError):
        target.acquire()
    probe.cancel()
    target.acquire().succeed()
    assert target.state is BreakerState.CLOSED


def test_a_failed_trial_call_opens_it_for_the_full_time_again() -> None:
    clock = Clock()
    target = breaker(clock)
    fail(target, 5)
    clock.now += 30.0
    target.acquire().fail()
    assert target.state is BreakerState.OPEN
    assert target.seconds_until_probe() == 30.0


def test_outcomes_from_before_a_transition_do_not_count() -> None:
    clock = Clock()
    target = breaker(clock)
    slow = target.acquire()
    fail(target, 5)
    clock.now += 30.0
    probe = target.acquire()
    slow.succeed()
    assert target.state is BreakerState.HALF_OPEN
    slow.cancel()
    with pytest.raises(BreakerOpenError):
        target.acquire()
    probe.succeed()
    assert target.state is BreakerState.CLOSED


def test_every_transition_is_reported_once() -> None:
    clock = Clock()
    transitions: list[BreakerState] = []
    target = breaker(clock, transitions)
    fail(target, 5)
    clock.now += 30.0
    target.acquire().succeed()
    assert transitions == [BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED]


def test_slow_calls_do_not_open_it_by_default() -> None:
    target = breaker(Clock())
    for _ in range(20):
        target.acquire().succeed(slow=True)
    assert target.state is BreakerState.CLOSED


def test_slow_calls_open_it_at_their_own_ratio() -> None:
    clock = Clock()
    policy = replace(POLICY, slow_call_ratio=0.8)
    target = CircuitBreaker(policy, clock=clock, on_transition=lambda _state: None)
    for slow in (False, True, True, True):
        target.acquire().succeed(slow=slow)
    assert target.state is BreakerState.CLOSED
    target.acquire().succeed(slow=True)
    assert target.state is BreakerState.OPEN
    clock.now += 30.0
    target.acquire().succeed(slow=True)
    assert target.state is BreakerState.OPEN, "a slow trial call does not close it"
    clock.now += 30.0
    target.acquire().succeed()
    assert target.state is BreakerState.CLOSED


def test_failed_probes_open_it_as_failed_calls_do() -> None:
    target = breaker(Clock())
    for _ in range(4):
        target.record_failed_probe()
    assert target.state is BreakerState.CLOSED
    target.record_failed_probe()
    assert target.state is BreakerState.OPEN


def test_a_failed_probe_decides_nothing_while_open_or_half_open() -> None:
    clock = Clock()
    transitions: list[BreakerState] = []
    target = breaker(clock, transitions)
    fail(target, 5)
    target.record_failed_probe()
    clock.now += 30.0
    trial = target.acquire()
    target.record_failed_probe()
    trial.succeed()
    assert transitions == [BreakerState.OPEN, BreakerState.HALF_OPEN, BreakerState.CLOSED]


class BreakerMachine(RuleBasedStateMachine):
    """Drives a breaker and a naive model with the same calls, in any order and with any delays."""

    permits = Bundle("permits")

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.transitions: list[BreakerState] = []
        self.target = breaker(self.clock, self.transitions)
        self.state = BreakerState.CLOSED
        self.period = 0
        self.opened_at = 0.0
        self.probe: object | None = None
        self.history: list[tuple[float, bool]] = []

    def move(self, state: BreakerState) -> None:
        self.state, self.probe, self.history = state, None, []
        self.period += 1
        if state is BreakerState.OPEN:
            self.opened_at = self.clock.now

    @rule(seconds=st.sampled_from([0.5, 1.0, 5.0, 29.5, 30.0, 31.0]))
    def wait(self, seconds: float) -> None:
        self.clock.now += seconds

    @rule(target=permits)
    def call(self) -> Any:
        if self.state is BreakerState.OPEN and self.clock.now >= self.opened_at + 30.0:
            self.move(BreakerState.HALF_OPEN)
        allowed = self.state is BreakerState.CLOSED or (self.state is BreakerState.HALF_OPEN and self.probe is None)
        if not allowed:
            with pytest.raises(BreakerOpenError):
                self.target.acquire()
            return None
        permit = self.target.acquire()
        if self.state is BreakerState.HALF_OPEN:
            self.probe = permit
        return permit, self.period

    @rule(taken=consumes(permits), outcome=st.sampled_from(["succeed", "fail", "fail", "cancel"]))
    def end(self, taken: tuple[Permit, int] | None, outcome: str) -> None:
        if taken is None:
            return
        permit, period = taken
        getattr(permit, outcome)()
        if period != self.period:
            return
        if outcome == "cancel":
            self.probe = None
        elif self.state is BreakerState.HALF_OPEN:
            self.move(BreakerState.CLOSED if outcome == "succeed" else BreakerState.OPEN)
        else:
            self.history.append((self.clock.now, outcome == "fail"))
            recent = [failed for at, failed in self.history if at > self.clock.now - 30.0]
            if outcome == "fail" and len(recent) >= 5 and sum(recent) / len(recent) >= 0.5:
                self.move(BreakerState.OPEN)

    @invariant()
    def the_states_agree(self) -> None:
        assert self.target.state is self.state
        assert len(self.transitions) == self.period


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
