"""What Alertmanager sends: the webhook message (version 4) and the objects of ``GET /api/v2/alerts``.

Everything here may be written by a stranger, since anyone who reaches Alertmanager may post an alert. So
labels are plain strings that are compared and never interpreted. Their size is bounded by the message's alone:
refusing one label here would make Alertmanager drop the real alerts of the same message.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

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


class WebhookAlert(BaseModel):
    """One alert of a webhook message."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    status: Literal["firing", "resolved"]
    labels: dict[str, str]
    startsAt: AwareDatetime  # noqa: N815 - Alertmanager's name
    fingerprint: Fingerprint


class WebhookMessage(BaseModel):
    """A webhook message; a version that is not known is refused instead of guessed at."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    version: Literal["4"]
    alerts: list[WebhookAlert]

    def received(self) -> list[Received]:
        """Return the alerts; of several with one fingerprint the last counts."""
        latest = {
            alert.fingerprint: Received(
                fingerprint=alert.fingerprint,
                labels=alert.labels,
                starts_at=alert.startsAt,
                state=ReceivedState.ACTIVE if alert.status == "firing" else ReceivedState.RESOLVED,
            )
            for alert in self.alerts
        }
        return list(latest.values())


class _PolledStatus(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    state: Literal["active", "suppressed", "unprocessed"]


class _PolledAlert(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    labels: dict[str, str]
    startsAt: AwareDatetime  # noqa: N815 - Alertmanager's name
    fingerprint: Fingerprint
    status: _PolledStatus


_POLLED = TypeAdapter(list[_PolledAlert])


def parse_polled(body: bytes) -> list[Received]:
    """Return the alerts in the body of ``GET /api/v2/alerts``.

    An alert that is ``unprocessed`` is new and not yet matched against silences: it counts as suppressed,
    so that nothing starts on it before Alertmanager has made up its mind.

    Raises:
        ValueError: when the body is not what Alertmanager answers.
    """
    return [
        Received(
            fingerprint=alert.fingerprint,
            labels=alert.labels,
            starts_at=alert.startsAt,
            state=ReceivedState.ACTIVE if alert.status.state == "active" else ReceivedState.SUPPRESSED,
        )
        for alert in _POLLED.validate_json(body)
    ]
