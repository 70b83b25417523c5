"""The result of an action, as ``decide`` names it."""

from remediator.decide.decision import ActResult, Outcome
from remediator.kube import BlockedError, ConflictError, KubeError, NotFoundError, RefusedError

_RESULTS: tuple[tuple[type[KubeError], ActResult], ...] = (
    (NotFoundError, ActResult.TARGET_GONE),
    (ConflictError, ActResult.BLOCKED),
    (BlockedError, ActResult.BLOCKED),
    (RefusedError, ActResult.REFUSED),
)


def from_error(error: KubeError) -> Outcome:
    """Return the outcome that an error of the API server means; a stale version (409) means: read and try again."""
    for kind, result in _RESULTS:
        if isinstance(error, kind):
            return Outcome(result, str(error))
    return Outcome(ActResult.UNAVAILABLE, str(error))
