"""What Alertmanager sends: the webhook message (version 4) and the objects of ``GET /api/v2/alerts``.

Everything here may be written by a stranger, since anyone who reaches Alertmanager may post an alert. So
labels are plain strings that are compared and never interpreted. Their size is bounded by the message's alone:
refusing one label here would make Alertmanager drop the real alerts of the same message.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from remediator.api.values import clamp_time

Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


class ReceivedState(StrEnum):
    """What Alertmanager says of an alert now."""

    ACTIVE = "active"
    SUPPRESSED = "suppressed"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Received:
    """One alert as it came in, by webhook or by poll."""

    fingerprint: str
    labels: dict[str, str]
    starts_at: datetime
    state: ReceivedState


Moment = Annotated[AwareDatetime, AfterValidator(clamp_time)]


class _Alert(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    labels: dict[str, str]
    startsAt: Moment  # noqa: N815 - Alertmanager's name
    fingerprint: Fingerprint


class _WebhookAlert(_Alert):
    """One alert of a webhook message."""

    status: Literal["firing", "resolved"]


class WebhookMessage(BaseModel):
    """A webhook message; a version that is not known is refused instead of guessed at.

    Its alerts are read one by one: one that is malformed must not make Alertmanager drop the others.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: Literal["4"]
    alerts: list[Any]
    receiver: str = ""
    truncatedAlerts: int = 0  # noqa: N815 - Alertmanager's name

    def received(self) -> tuple[list[Received], int]:
        """Return the alerts, of several with one fingerprint the last, and how many were malformed."""
        latest: dict[str, Received] = {}
        malformed = 0
        for body in self.alerts:
            try:
                alert = _WebhookAlert.model_validate(body)
            except ValidationError:
                malformed += 1
                continue
            latest[alert.fingerprint] = Received(
                fingerprint=alert.fingerprint,
                labels=alert.labels,
                starts_at=alert.startsAt,
                state=ReceivedState.ACTIVE if alert.status == "firing" else ReceivedState.RESOLVED,
            )
        return list(latest.values()), malformed


class _PolledStatus(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    state: Literal["active", "suppressed", "unprocessed"]
    mutedBy: list[str] | None = None  # noqa: N815 - Alertmanager's name


class _PolledAlert(_Alert):
    status: _PolledStatus


_POLLED = TypeAdapter(list[Any])


def parse_polled(body: bytes) -> tuple[list[Received], int]:
    """Return the alerts in the body of ``GET /api/v2/alerts``, and how many of them were malformed.

    An alert that is ``unprocessed`` is new and not yet matched against silences: it counts as suppressed,
    so that nothing starts on it before Alertmanager has decided.

    Raises:
        ValueError: when the body is not a list.
    """
    found: list[Received] = []
    malformed = 0
    for item in _POLLED.validate_json(body):
        try:
            alert = _PolledAlert.model_validate(item)
        except ValidationError:
            malformed += 1
            continue
        state = ReceivedState.ACTIVE if alert.status.state == "active" else ReceivedState.SUPPRESSED
        found.append(Received(alert.fingerprint, alert.labels, alert.startsAt, state))
    return found, malformed


class _Group(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    alerts: list[_PolledAlert]


_GROUPS = TypeAdapter(list[_Group])


def parse_muted(body: bytes) -> frozenset[str] | None:
    """Return the fingerprints of muted alerts in the body of ``GET /api/v2/alerts/groups``.

    ``None`` where Alertmanager does not say it (before 0.28).

    Raises:
        ValueError: when the body is not what Alertmanager answers.
    """
    alerts = [alert for group in _GROUPS.validate_json(body) for alert in group.alerts]
    if any(alert.status.mutedBy is None for alert in alerts):
        return None
    return frozenset(alert.fingerprint for alert in alerts if alert.status.mutedBy)
