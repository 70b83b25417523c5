"""What became of an action."""

from dataclasses import dataclass
from enum import StrEnum

from remediator.kube import BlockedError, ConflictError, KubeError, NotFoundError, RefusedError


class Result(StrEnum):
    """How the API server took an action."""

    ACCEPTED = "Accepted"
    """It was carried out now."""
    ALREADY_DONE = "AlreadyDone"
    """It had been carried out before, for example just before the operator was killed."""
    BLOCKED = "Blocked"
    """Not now (429): a disruption budget is in the way, or the API server is busy."""
    TARGET_CHANGED = "TargetChanged"
    """Someone else changed what was to be changed."""
    GONE = "TargetGone"
    """What was to be changed does not exist any more."""
    REFUSED = "Refused"
    """Never (403, 422 and the like)."""
    UNAVAILABLE = "Unavailable"
    """The API server did not answer: whether it was carried out is not known and must be read."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result and a sentence about it."""

    result: Result
    message: str


_RESULTS: tuple[tuple[type[KubeError], Result], ...] = (
    (NotFoundError, Result.GONE),
    (ConflictError, Result.TARGET_CHANGED),
    (BlockedError, Result.BLOCKED),
    (RefusedError, Result.REFUSED),
)


def from_error(error: KubeError) -> Outcome:
    """Return the outcome that an error of the API server means."""
    for kind, result in _RESULTS:
        if isinstance(error, kind):
            return Outcome(result, str(error))
    return Outcome(Result.UNAVAILABLE, str(error))
