"""What this replica has seen of one backend in the last seconds."""

from collections import deque
from collections.abc import Callable

from app.backends.breaker import BreakerState
from app.backends.outlier import View

WINDOW_SECONDS = 30


class Observations:
    """Counts calls and probes by the second, so that its size does not depend on the traffic. `clock` is monotonic."""

    def __init__(self, *, slow_call_seconds: float, clock: Callable[[], float]) -> None:
        self.failed_probes = 0
        self._slow_call_seconds = slow_call_seconds
        self._clock = clock
        self._last_success: float | None = None
        self._last_failure: float | None = None
        # Second, calls, failures, slow calls.
        self._seconds: deque[list[int]] = deque(maxlen=WINDOW_SECONDS)

    def is_slow(self, seconds: float) -> bool:
        """Return whether a call of this duration counts as slow."""
        return seconds >= self._slow_call_seconds

    def call(self, *, failed: bool, seconds: float) -> None:
        """Record a call of a user or a background job."""
        now = self._clock()
        slot = self._slot(int(now))
        slot[1] += 1
        slot[2] += failed
        slot[3] += not failed and self.is_slow(seconds)
        if failed:
            self._last_failure = now
        else:
            self._last_success = now

    def probe(self, *, failed: bool, seconds: float) -> None:
        """Record a probe, which counts as a call too."""
        self.failed_probes = self.failed_probes + 1 if failed else 0
        self.call(failed=failed, seconds=seconds)

    def view(self, breaker: BreakerState) -> View:
        """Return the counts of the last `WINDOW_SECONDS`."""
        now = self._clock()
        oldest = int(now) - WINDOW_SECONDS
        recent = [slot for slot in self._seconds if slot[0] > oldest]
        return View(
            calls=sum(slot[1] for slot in recent),
            failures=sum(slot[2] for slot in recent),
            slow=sum(slot[3] for slot in recent),
            failed_probes=self.failed_probes,
            success_age=None if self._last_success is None else now - self._last_success,
            failure_age=None if self._last_failure is None else now - self._last_failure,
            breaker=breaker,
        )

    def _slot(self, second: int) -> list[int]:
        if not self._seconds or self._seconds[-1][0] != second:
            self._seconds.append([second, 0, 0, 0])
        return self._seconds[-1]
