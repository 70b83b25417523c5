"""Bounds what one repeated event can write, so that a flood of bad posts cannot fill a disk.

Each event may be logged so often at once and so often a second for long; what is more is dropped and told as a number
(`suppressed`) on the next line of that event. An event is what a programmer wrote (the name, or the format of a
library's message), never what a user sent, so there are few of them; and their number is bounded besides.
"""

import logging
import time
from collections.abc import Callable

from structlog.typing import EventDict, WrappedLogger

BURST = 20
PER_SECOND = 2.0
MOST_EVENTS = 200
"""Kinds of events that are told apart; further ones share one allowance."""
MOST_CHARACTERS = 8192
"""Longest text in an event: a traceback, with what it quotes, has no bound of its own."""


class _Allowance:
    __slots__ = ("at", "left", "suppressed")

    def __init__(self, now: float) -> None:
        self.at = now
        self.left = float(BURST)
        self.suppressed = 0


class FloodFilter(logging.Filter):
    """Passes a record while its event has some of its allowance left. `clock` is monotonic."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._allowances: dict[tuple[str, ...], _Allowance] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written; one that is carries the number of those before it that were not."""
        now = self._clock()
        allowance = self._of(record, now)
        allowance.left = min(BURST, allowance.left + (now - allowance.at) * PER_SECOND)
        allowance.at = now
        if allowance.left < 1:
            allowance.suppressed += 1
            return False
        allowance.left -= 1
        if allowance.suppressed:
            record.suppressed = allowance.suppressed
            allowance.suppressed = 0
        return True

    def _of(self, record: logging.LogRecord, now: float) -> _Allowance:
        # structlog hands its event over as a dictionary in the place of the message.
        event = record.msg.get("event") if isinstance(record.msg, dict) else record.msg
        key: tuple[str, ...] = (record.name, record.levelname, str(event)[:200])
        found = self._allowances.get(key)
        if found is None:
            key = key if len(self._allowances) < MOST_EVENTS else ()
            found = self._allowances.setdefault(key, _Allowance(now))
        return found


def add_suppressed(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Say how many events like this one were dropped before it."""
    suppressed = getattr(event["_record"], "suppressed", 0)
    if suppressed:
        event["suppressed"] = suppressed
    return event


def shorten(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Cut the event's texts."""
    for name, value in event.items():
        if isinstance(value, str) and len(value) > MOST_CHARACTERS:
            event[name] = f"{value[:MOST_CHARACTERS]}… ({len(value)} characters)"
    return event
