"""A circuit breaker over a sliding window of time, with one trial call at a time while half-open.

A plain state machine: it does no I/O, starts no task and reads the time only from the clock it is given, so that a
test can drive it step by step. `client` makes the calls, `prober` makes the trial call while no user does.

    closed     calls pass; opens when the window holds `minimum_calls` and their failure ratio reaches `failure_ratio`
    open       calls are refused for `open_seconds`
    half-open  one trial call at a time passes; its success closes the breaker, its failure opens it again

An outcome that belongs to an earlier state (a slow call that started before the breaker opened) changes nothing:
it says how the backend was then, not how it is now.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


class BreakerState(IntEnum):
    """The states, with their values in the metric `service_circuit_breaker_state`."""

    CLOSED = 0
    OPEN = 1
    HALF_OPEN = 2


class BreakerOpenError(Exception):
    """The call was not made: the breaker is open, or half-open with its trial call in flight."""


@dataclass(frozen=True)
class BreakerPolicy:
    """When to open and for how long. Times in seconds, the ratio from 0 to 1."""

    window_seconds: float = 30.0
    # Below this a single failure of two calls would cut a quiet pod off from its backend.
    minimum_calls: int = 5
    failure_ratio: float = 0.5
    # 0 is off: then a slow call is an ordinary success.
    slow_call_ratio: float = 0.0
    open_seconds: float = 30.0


class Permit:
    """Permission for one call. Report its outcome once, by exactly one of the three methods."""

    __slots__ = ("_breaker", "_epoch")

    def __init__(self, breaker: "CircuitBreaker", epoch: int) -> None:
        self._breaker = breaker
        self._epoch = epoch

    def succeed(self, *, slow: bool = False) -> None:
        """Report a response that says the backend works, and whether it took too long."""
        self._breaker.record(self._epoch, failed=False, slow=slow)

    def fail(self) -> None:
        """Report a failed call."""
        self._breaker.record(self._epoch, failed=True)

    def cancel(self) -> None:
        """Report a call that says nothing about the backend, such as one whose caller was cancelled."""
        self._breaker.release(self._epoch)


class CircuitBreaker:
    """The breaker of one backend in this process. `on_transition(new_state)` is called at each state transition."""

    def __init__(
        self, policy: BreakerPolicy, *, clock: Callable[[], float], on_transition: Callable[[BreakerState], None]
    ) -> None:
        self.policy = policy
        self.state = BreakerState.CLOSED
        self._clock = clock
        self._on_transition = on_transition
        self._outcomes: deque[tuple[float, bool, bool]] = deque()
        self._failures = 0
        self._slow_calls = 0
        self._opened_at = 0.0
        self._probing = False
        self._epoch = 0

    def acquire(self) -> Permit:
        """Return a permit for one call; raises BreakerOpenError instead of waiting."""
        if self.state is BreakerState.OPEN and self.seconds_until_probe() <= 0:
            self._transition(BreakerState.HALF_OPEN)
        if self.state is BreakerState.OPEN or self._probing:
            raise BreakerOpenError
        self._probing = self.state is BreakerState.HALF_OPEN
        return Permit(self, self._epoch)

    def seconds_until_probe(self) -> float:
        """Return how long an open breaker still refuses the trial call; 0 in any other state."""
        if self.state is not BreakerState.OPEN:
            return 0.0
        return max(0.0, self._opened_at + self.policy.open_seconds - self._clock())

    def record(self, epoch: int, *, failed: bool, slow: bool = False) -> None:
        """Record the outcome of a call that was permitted in `epoch`."""
        if epoch != self._epoch:
            return
        bad = failed or (slow and self.policy.slow_call_ratio > 0)
        if self.state is BreakerState.HALF_OPEN:
            self._transition(BreakerState.OPEN if bad else BreakerState.CLOSED)
            return
        self._add_outcome(failed=failed, slow=slow)
        if bad and self._is_failing():
            self._transition(BreakerState.OPEN)

    def record_failed_probe(self) -> None:
        """Count a failed probe as a failed call; only while closed, because trial calls decide otherwise."""
        if self.state is BreakerState.CLOSED:
            self.record(self._epoch, failed=True)

    def release(self, epoch: int) -> None:
        """Release a permit of `epoch` without an outcome, so that another call may be the trial call."""
        if epoch == self._epoch:
            self._probing = False

    def _add_outcome(self, *, failed: bool, slow: bool) -> None:
        now = self._clock()
        self._outcomes.append((now, failed, slow))
        self._failures += failed
        self._slow_calls += slow
        while self._outcomes[0][0] <= now - self.policy.window_seconds:
            _at, old_failed, old_slow = self._outcomes.popleft()
            self._failures -= old_failed
            self._slow_calls -= old_slow

    def _is_failing(self) -> bool:
        calls = len(self._outcomes)
        if calls < self.policy.minimum_calls:
            return False
        too_slow = self.policy.slow_call_ratio > 0 and self._slow_calls >= self.policy.slow_call_ratio * calls
        return too_slow or self._failures >= self.policy.failure_ratio * calls

    def _transition(self, state: BreakerState) -> None:
        self.state = state
        self._epoch += 1
        self._probing = False
        self._outcomes.clear()
        self._failures = self._slow_calls = 0
        if state is BreakerState.OPEN:
            self._opened_at = self._clock()
        self._on_transition(state)
