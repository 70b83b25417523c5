"""What deciding returns.

How to use it: write ``status`` to the API server first (with the resourceVersion that was read; on 409 read and
decide again), then carry out ``intent`` if there is one and pass what came of it to
:func:`remediator.decide.results.record_result`, whose status is written in turn. Call ``decide`` again at once
after a decision that ``changed`` something, else at ``wake_at`` or when the world changes.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from remediator.api.names import PodName, PodUid
from remediator.api.policy import Action
from remediator.api.reasons import Reason
from remediator.api.remediation import Phase, Remediation, RemediationStatus, ScaleKind


@dataclass(frozen=True, slots=True)
class EvictPod:
    """Evict one pod, with its uid as precondition."""

    name: PodName
    uid: PodUid


@dataclass(frozen=True, slots=True)
class RolloutRestart:
    """Write ``value`` into the template annotation ``restarted-for``; the same value again changes nothing."""

    value: str


@dataclass(frozen=True, slots=True)
class Scale:
    """Change a number from ``from_`` to ``to``, on condition that it still is ``from_``.

    ``baseline`` is what to annotate on the scaled object, so that it survives the Remediation.
    """

    kind: ScaleKind
    name: str
    from_: int
    to: int
    baseline: int


@dataclass(frozen=True, slots=True)
class RevertScale:
    """Take one scale-out back: as :class:`Scale`. Releasing the field is an intent of its own."""

    kind: ScaleKind
    name: str
    from_: int
    to: int
    baseline: int


@dataclass(frozen=True, slots=True)
class RemoveFieldOwnership:
    """Remove our managedFields entry and the baseline annotation, so that ``helm upgrade`` finds no conflict."""

    kind: ScaleKind
    name: str


Intent = EvictPod | RolloutRestart | Scale | RevertScale | RemoveFieldOwnership


class ActResult(StrEnum):
    """What became of an intent."""

    ACCEPTED = "Accepted"
    ALREADY_DONE = "AlreadyDone"
    BLOCKED = "Blocked"
    """429: a PodDisruptionBudget is in the way."""
    TARGET_CHANGED = "TargetChanged"
    """The number is neither the old nor the new one: someone else changed it."""
    TARGET_GONE = "TargetGone"
    REFUSED = "Refused"
    """403 or 422: trying again changes nothing."""
    UNAVAILABLE = "Unavailable"
    """The API server did not answer: the same intent is decided again."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an intent, and a sentence about it."""

    result: ActResult
    message: str


class EventType(StrEnum):
    """Kind of the Kubernetes Event to post."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Ignored:
    """An alert of the policy that starts nothing, and why."""

    fingerprint: str
    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision about one remediation.

    ``status`` is the whole new status; write it if ``changed``. ``announce`` tells whether the decision is news
    (a phase change, an action, or another reason not to act) and so deserves an Event, a metric and a line in
    a replay. ``action`` is set only where the decision acts, also in a DryRun (then ``intent`` is ``None``).
    """

    status: RemediationStatus
    changed: bool
    announce: bool
    phase: Phase
    reason: str
    message: str
    action: Action = Action.NONE
    pods: tuple[PodName, ...] = ()
    replicas: int | None = None
    intent: Intent | None = None
    wake_at: datetime | None = None
    event_type: EventType = EventType.NORMAL
    ignored: tuple[Ignored, ...] = ()


@dataclass(frozen=True, slots=True)
class Opening:
    """Whether an incident starts. ``remediation`` is the object to create (its status is written after), or ``None``.

    ``idle`` means that there is nothing to say: no alert of the policy fires at all.
    """

    remediation: Remediation | None
    reason: Reason
    message: str
    idle: bool = False
    ignored: tuple[Ignored, ...] = ()
