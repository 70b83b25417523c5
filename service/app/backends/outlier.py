"""Decides whether this replica is the one that cannot use a backend, by comparing it with its peers.

Pure: no I/O and no clock of its own. `observations` makes this replica's view, `replica_views` exchanges the views.

A replica that fails together with the others is not an outlier: the backend is at fault, and restarting the replica
would not help (shared failure).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from app.backends.breaker import BreakerState


@dataclass(frozen=True, slots=True)
class View:
    """One replica's view of one backend over the last seconds.

    `calls` includes probes. `slow` calls are those that succeeded too slowly, so that no call counts twice.
    `failed_probes` is how many of the latest probes failed in a row. The ages are in seconds, None for never: ages
    rather than times, because the clocks of two nodes may differ.
    """

    calls: int
    failures: int
    slow: int
    failed_probes: int
    success_age: float | None
    failure_age: float | None
    breaker: BreakerState


@dataclass(frozen=True)
class OutlierPolicy:
    """When a replica counts as failing, and how long an outlier has to be healthy again. Times in seconds."""

    # One lost probe is an ordinary event on a network, two in a row are not.
    failed_probes: int = 2
    # As for the breaker: the ratio of fewer calls says nothing.
    minimum_calls: int = 5
    bad_ratio: float = 0.5
    # The length of the window. With less, the state would flap when users' traffic moves to healthy replicas.
    hold_seconds: float = 30.0


def is_failing(view: View, policy: OutlierPolicy) -> bool:
    """Return whether a replica fails to use the backend, whatever its peers see."""
    return (
        view.failed_probes >= policy.failed_probes
        or view.breaker is not BreakerState.CLOSED
        or (view.calls >= policy.minimum_calls and view.failures + view.slow >= policy.bad_ratio * view.calls)
    )


class OutlierDetector:
    """The verdict on one backend. It holds until the replica is healthy again or the failure is shared."""

    def __init__(self, policy: OutlierPolicy) -> None:
        self.is_outlier = False
        self._policy = policy
        self._failing_since: float | None = None
        self._healthy_since: float | None = None

    def update(self, own: View, peers: Sequence[View], now: float) -> bool:
        """Return the new verdict. `peers` are the other live replicas; `now` is monotonic."""
        if not is_failing(own, self._policy):
            self._failing_since = None
            if self.is_outlier and self._has_been_healthy(own, now):
                self.is_outlier = False
            return self.is_outlier
        self._healthy_since = None
        if self._failing_since is None:
            self._failing_since = now - (own.failure_age or 0.0)
        if not self._fails_alone(peers):
            self.is_outlier = False
        elif any(self._succeeded_meanwhile(peer, now) for peer in peers):
            self.is_outlier = True
        return self.is_outlier

    def _fails_alone(self, peers: Sequence[View]) -> bool:
        # A peer whose latest probe failed may be about to see the same failure, so it is no proof that the backend
        # works. Half is already too many: of two replicas nobody can tell which one is at fault.
        doubtful = sum(peer.failed_probes > 0 or is_failing(peer, self._policy) for peer in peers)
        return 2 * (1 + doubtful) < 1 + len(peers)

    def _succeeded_meanwhile(self, peer: View, now: float) -> bool:
        # Not only later than this replica's last success: when a backend goes down, the replica that notices first
        # would see such successes of all its peers from just before.
        if peer.success_age is None or self._failing_since is None:
            return False
        return now - peer.success_age > self._failing_since

    def _has_been_healthy(self, own: View, now: float) -> bool:
        if own.failed_probes:
            self._healthy_since = None
            return False
        if self._healthy_since is None:
            self._healthy_since = now
        return now - self._healthy_since >= self._policy.hold_seconds
