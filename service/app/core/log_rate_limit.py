"""Limits the rate of each log event, so that a flood of invalid requests cannot fill a disk.

Each event has a token bucket. What exceeds it is dropped, and the next line of that event carries the number dropped
as `suppressed`. An event is what a programmer wrote (its name, or the format of a library's message), never what a user
sent, so there are few of them; their number is bounded all the same.
"""

import logging
import time
from collections.abc import Callable

from structlog.typing import EventDict, WrappedLogger

from app.core.token_bucket import TokenBucket

BURST = 20
PER_SECOND = 2.0
MAX_EVENTS = 200
"""Events with a bucket of their own; further ones share one."""
MAX_TEXT_LENGTH = 8192
"""Longest text in an event: a traceback has no limit of its own."""


class _Event:
    __slots__ = ("bucket", "suppressed")

    def __init__(self, clock: Callable[[], float]) -> None:
        self.bucket = TokenBucket(burst=BURST, per_second=PER_SECOND, clock=clock)
        self.suppressed = 0


class RateLimitFilter(logging.Filter):
    """Passes a record while its event's bucket has tokens. `clock` is monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._events: dict[tuple[str, ...], _Event] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written; if so, it carries the number of records dropped before it."""
        event = self._of(record)
        if not event.bucket.take():
            event.suppressed += 1
            return False
        if event.suppressed:
            record.suppressed = event.suppressed
            event.suppressed = 0
        return True

    def _of(self, record: logging.LogRecord) -> _Event:
        # structlog passes its event dictionary in place of the message.
        name = record.msg.get("event") if isinstance(record.msg, dict) else record.msg
        key: tuple[str, ...] = (record.name, record.levelname, str(name)[:200])
        found = self._events.get(key)
        if found is None:
            key = key if len(self._events) < MAX_EVENTS else ()
            found = self._events.setdefault(key, _Event(self._clock))
        return found


def add_suppressed(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add the number of records of this event dropped before it."""
    suppressed = getattr(event["_record"], "suppressed", 0)
    if suppressed:
        event["suppressed"] = suppressed
    return event


def truncate(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Cut texts longer than `MAX_TEXT_LENGTH`."""
    for name, value in event.items():
        if isinstance(value, str) and len(value) > MAX_TEXT_LENGTH:
            event[name] = f"{value[:MAX_TEXT_LENGTH]}… ({len(value)} characters)"
    return event
