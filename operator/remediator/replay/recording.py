"""Recordings: JSON Lines, one observation of the world a line, in time order.

What a line leaves out is unknown and is never guessed. The exceptions are said in the format: ``alertmanager`` and
``prometheus`` are up where a line does not say otherwise, and a ``null`` for ``pdb`` or ``hpa`` means that there is
none. Evidence (breakers, successes, pending alerts, evaluations, start of Alertmanager) that is not recorded is judged
as without Prometheus.
"""

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from remediator.api.names import Fingerprint
from remediator.api.values import Time
from remediator.decide.observed import AlertState, ObservedAlert


class RecordingError(Exception):
    """A recording cannot be read; the message names the line and what is wrong with it."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class PodLine(_Part):
    """One pod of the target."""

    name: str
    ready: bool | None = None
    restarts: int | None = None
    terminating: bool = False
    createdAt: Time | None = None  # noqa: N815 - the recording's own name
    breakers: dict[str, int] | None = None
    breakerOpened: dict[str, Time] | None = None  # noqa: N815 - the recording's own name
    lastSuccess: dict[str, Time] | None = None  # noqa: N815 - the recording's own name
    successes: tuple[str, ...] | None = None
    scrapedAt: Time | None = None  # noqa: N815 - the recording's own name


class PdbLine(_Part):
    """The PodDisruptionBudget."""

    disruptionsAllowed: int | None = None  # noqa: N815 - the recording's own name


class HpaLine(_Part):
    """The autoscaler."""

    minReplicas: int | None = None  # noqa: N815 - the recording's own name
    maxReplicas: int | None = None  # noqa: N815 - the recording's own name


class WorkloadLine(_Part):
    """The target; what is not in ``model_fields_set`` is unknown."""

    replicas: int | None = None
    pods: tuple[PodLine, ...] | None = None
    rollout: Literal["complete", "progressing"] | None = None
    pdb: PdbLine | None = None
    hpa: HpaLine | None = None
    paused: bool | None = None
    rolloutPaused: bool = False  # noqa: N815 - the recording's own name
    namespaceTerminating: bool = False  # noqa: N815 - the recording's own name
    cannotRun: str = ""  # noqa: N815 - the recording's own name


class PendingLine(_Part):
    """An alert that Prometheus has pending."""

    alertname: str
    pod: str = ""
    service_name: str = ""


class EvaluationLine(_Part):
    """When an alerting rule was evaluated last; the interval is in seconds."""

    at: Time
    interval: float


class _StatusLine(_Part):
    state: AlertState = AlertState.ACTIVE


class AlertLine(_Part):
    """An alert as Alertmanager's ``GET /api/v2/alerts`` has it. Being in the list means that it has not ended."""

    labels: dict[str, str]
    startsAt: Time | None = None  # noqa: N815 - Alertmanager's own name
    fingerprint: str = ""
    status: _StatusLine = _StatusLine()

    def observed(self, at: datetime) -> ObservedAlert:
        """Return the alert as deciding sees it."""
        own = sha256(json.dumps(self.labels, sort_keys=True).encode()).hexdigest()[:16]
        return ObservedAlert(
            fingerprint=Fingerprint(self.fingerprint or own),
            labels=self.labels,
            state=self.status.state,
            starts_at=self.startsAt or at,
        )


class Observation(_Part):
    """One line."""

    at: Time
    alerts: tuple[AlertLine, ...] | None = None
    alertmanager: Literal["up", "down"] = "up"
    prometheus: Literal["up", "down"] = "up"
    alertmanagerStartedAt: Time | None = None  # noqa: N815 - the recording's own name
    pending: tuple[PendingLine, ...] = ()
    evaluations: dict[str, EvaluationLine] = Field(default_factory=dict)
    workload: WorkloadLine | None = Field(default=None)


def read_recording(lines: Iterable[str]) -> Iterator[Observation]:
    """Read the observations of a recording; empty lines are passed over.

    Raises:
        RecordingError: a line is not an observation, or is older than the one before it.
    """
    before: datetime | None = None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        observation = _read_line(number, line)
        if before is not None and observation.at < before:
            raise RecordingError(f"line {number}: its time is before that of the line above")
        before = observation.at
        yield observation


def _read_line(number: int, line: str) -> Observation:
    try:
        content: Any = json.loads(line)
    except json.JSONDecodeError as error:
        raise RecordingError(f"line {number}: not JSON: {error}") from error
    try:
        return Observation.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the line"
        raise RecordingError(f"line {number}: {where}: {first['msg']}") from error
