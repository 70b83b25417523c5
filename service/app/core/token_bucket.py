"""A token bucket in memory: a limit on how often something may happen. The buckets of all replicas are in Redis."""

from collections.abc import Callable


class TokenBucket:
    """At most `burst` tokens, refilled `per_second`, full at first. `clock` is monotonic."""

    __slots__ = ("_burst", "_clock", "_per_second", "_refilled_at", "_tokens")

    def __init__(self, *, burst: float, per_second: float, clock: Callable[[], float]) -> None:
        self._burst = burst
        self._per_second = per_second
        self._clock = clock
        self._tokens = burst
        self._refilled_at = clock()

    def take(self) -> bool:
        """Take a token; False if there is none."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._refilled_at) * self._per_second)
        self._refilled_at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
