"""Liveness by heartbeat and readiness by what has been seen.

``/livez`` fails when the reconcile loop has not come round for a while, which a stuck event loop cannot
hide; it does not fail because the API server, Alertmanager or Prometheus is away: a restart repairs none
of these. ``/readyz`` says whether a webhook could be persisted now.
"""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Heartbeat:
    """The last time the reconcile loop went round.

    ``monotonic`` returns seconds of a clock that never goes back; ``limit`` is in seconds.
    """

    monotonic: Callable[[], float]
    limit: float
    _last: float = field(init=False)

    def __post_init__(self) -> None:
        self._last = self.monotonic()

    def beat(self) -> None:
        """Record that the loop goes round."""
        self._last = self.monotonic()

    @property
    def age(self) -> float:
        """Seconds since the last beat."""
        return self.monotonic() - self._last

    @property
    def alive(self) -> bool:
        """Whether the last beat is recent enough."""
        return self.age <= self.limit


@dataclass
class Readiness:
    """What must have happened before webhooks are accepted; names are shown by ``/readyz``."""

    _missing: dict[str, str] = field(default_factory=dict)

    def require(self, name: str, why: str) -> None:
        """Add a condition that does not hold yet, or no longer does."""
        self._missing[name] = why

    def fulfil(self, name: str) -> None:
        """Say that a condition holds now."""
        self._missing.pop(name, None)

    @property
    def ready(self) -> bool:
        """Whether every condition holds."""
        return not self._missing

    @property
    def reasons(self) -> list[str]:
        """One sentence for each condition that does not hold."""
        return [f"{name}: {why}" for name, why in sorted(self._missing.items())]
