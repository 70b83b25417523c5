"""A circuit breaker over a sliding window, with one probe at a time.

It is a plain state machine: it does no I/O, starts no task and reads the time only from the clock it is given, so
that a test can drive it step by step. Calls are made by `client`, the probing while open by `prober`.

    closed     calls pass; opens when the window holds `minimum_calls` and their failure ratio reaches `failure_ratio`
    open       calls are refused for `open_seconds`
    half-open  one call at a time passes as the probe; its success closes, its failure opens again

An outcome that belongs to an earlier state (a slow call that began before the breaker opened) changes nothing.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum


class BreakerState(IntEnum):
    """Its values are those of the metric `service_circuit_breaker_state`."""

    CLOSED = 0
    OPEN = 1
    HALF_OPEN = 2


class BreakerOpenError(Exception):
    """The call was refused: the breaker is open, or half-open with its probe under way."""


@dataclass(frozen=True)
class BreakerPolicy:
    """When to open and for how long. Times in seconds, the ratio from 0 to 1."""

    window_seconds: float = 30.0
    minimum_calls: int = 5
    failure_ratio: float = 0.5
    open_seconds: float = 30.0


class Permit:
    """The right to make one call. Its outcome is told once, by exactly one of the three methods."""

    __slots__ = ("_breaker", "_epoch")

    def __init__(self, breaker: "CircuitBreaker", epoch: int) -> None:
        self._breaker = breaker
        self._epoch = epoch

    def succeed(self) -> None:
        """The backend answered."""
        self._breaker.settle(self._epoch, failed=False)

    def fail(self) -> None:
        """The backend failed to answer."""
        self._breaker.settle(self._epoch, failed=True)

    def cancel(self) -> None:
        """The call ended without telling anything about the backend (its caller went away)."""
        self._breaker.forgo(self._epoch)


class CircuitBreaker:
    """One backend's breaker in this process. `on_transition(new_state)` is called at each change of state."""

    def __init__(
        self, policy: BreakerPolicy, *, clock: Callable[[], float], on_transition: Callable[[BreakerState], None]
    ) -> None:
        self.policy = policy
        self.state = BreakerState.CLOSED
        self._clock = clock
        self._on_transition = on_transition
        self._outcomes: deque[tuple[float, bool]] = deque()
        self._failures = 0
        self._opened_at = 0.0
        self._probing = False
        self._epoch = 0

    def acquire(self) -> Permit:
        """A permit for one call; raises BreakerOpenError instead of waiting."""
        if self.state is BreakerState.OPEN and self.seconds_until_probe() <= 0:
            self._become(BreakerState.HALF_OPEN)
        if self.state is BreakerState.OPEN or self._probing:
            raise BreakerOpenError
        self._probing = self.state is BreakerState.HALF_OPEN
        return Permit(self, self._epoch)

    def seconds_until_probe(self) -> float:
        """How long until an open breaker lets a probe pass; 0 where it already would."""
        if self.state is not BreakerState.OPEN:
            return 0.0
        return max(0.0, self._opened_at + self.policy.open_seconds - self._clock())

    def settle(self, epoch: int, *, failed: bool) -> None:
        """Take in the outcome of a call that was permitted in `epoch`."""
        if epoch != self._epoch:
            return
        if self.state is BreakerState.HALF_OPEN:
            self._become(BreakerState.OPEN if failed else BreakerState.CLOSED)
            return
        self._record(failed=failed)
        if failed and self._is_failing():
            self._become(BreakerState.OPEN)

    def forgo(self, epoch: int) -> None:
        """Give a permit of `epoch` back unused."""
        if epoch == self._epoch:
            self._probing = False

    def _record(self, *, failed: bool) -> None:
        now = self._clock()
        self._outcomes.append((now, failed))
        self._failures += failed
        while self._outcomes[0][0] <= now - self.policy.window_seconds:
            self._failures -= self._outcomes.popleft()[1]

    def _is_failing(self) -> bool:
        calls = len(self._outcomes)
        return calls >= self.policy.minimum_calls and self._failures >= self.policy.failure_ratio * calls

    def _become(self, state: BreakerState) -> None:
        self.state = state
        self._epoch += 1
        self._probing = False
        self._outcomes.clear()
        self._failures = 0
        if state is BreakerState.OPEN:
            self._opened_at = self._clock()
        self._on_transition(state)
