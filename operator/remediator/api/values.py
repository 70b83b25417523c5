"""Values as the two custom resources write them: durations (``1h30m``), times (RFC 3339) and percentages."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer
from pydantic.alias_generators import to_camel

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
"""Times are clamped to this range, because arithmetic on the year 9999 overflows."""

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")


def parse_duration(text: str) -> timedelta:
    """Return the duration that ``1h30m``, ``45s`` or ``24h`` means.

    Raises:
        ValueError: the text is not made of whole hours, minutes and seconds, in that order.
    """
    match = _DURATION.fullmatch(text)
    if match is None or not text:
        raise ValueError(f"{text!r} is not a duration such as 45s, 10m or 1h30m")
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    try:
        return timedelta(hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError as error:
        raise ValueError(f"{text[:40]!r} is too long") from error


def format_duration(duration: timedelta) -> str:
    """Return a duration in the notation of :func:`parse_duration`, without parts that are zero."""
    minutes, seconds = divmod(round(duration.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    parts = (f"{value}{unit}" for value, unit in ((hours, "h"), (minutes, "m"), (seconds, "s")) if value)
    return "".join(parts) or "0s"


def parse_time(text: str) -> datetime:
    """Return an RFC 3339 time in UTC, clamped to ``EARLIEST`` and ``LATEST``.

    Raises:
        ValueError: the text is not a time, or has no time zone.
    """
    # Go writes nanoseconds, Python reads microseconds.
    moment = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return clamp_time(moment)


def clamp_time(moment: datetime) -> datetime:
    """Return an aware time in UTC, between ``EARLIEST`` and ``LATEST``."""
    try:
        return min(max(moment.astimezone(UTC), EARLIEST), LATEST)
    except OverflowError:
        return LATEST if moment.year > LATEST.year else EARLIEST


def format_time(moment: datetime) -> str:
    """Return a time as RFC 3339 in UTC with ``Z``; fractions of a second only where there are some."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _to_duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


def _to_time(value: Any) -> Any:
    return parse_time(value) if isinstance(value, str) else value


Duration = Annotated[timedelta, BeforeValidator(_to_duration), PlainSerializer(format_duration, when_used="json")]
"""A span of time, written as ``1h30m``."""
Time = Annotated[datetime, BeforeValidator(_to_time), PlainSerializer(format_time, when_used="json")]
"""A moment in UTC, written as RFC 3339."""


class SpecModel(BaseModel):
    """A part of what a person writes: immutable, camelCase outside, unknown fields refused."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="forbid")


class StatusModel(BaseModel):
    """A part of what the operator writes: camelCase outside, fields of other versions ignored."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", validate_assignment=True)
