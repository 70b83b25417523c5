import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from app.core.log_rate_limit import BURST, MAX_EVENTS, MAX_TEXT_LENGTH, PER_SECOND, RateLimitFilter
from app.core.logging import configure_logging


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def record(message: object, *args: object, name: str = "some.library") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, __file__, 1, message, args, None)


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """Where the configured logs go."""
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    stream = io.StringIO()
    configure_logging("INFO", [], stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)


def test_an_event_is_written_so_often_at_once_and_so_often_a_second() -> None:
    clock = Clock()
    flood = RateLimitFilter(clock)
    assert sum(flood.filter(record("Error handling %s", number)) for number in range(1000)) == BURST
    clock.now += 10
    assert sum(flood.filter(record("Error handling %s", number)) for number in range(1000)) == 10 * PER_SECOND


def test_the_next_line_tells_how_many_are_missing() -> None:
    clock = Clock()
    flood = RateLimitFilter(clock)
    for _ in range(BURST + 7):
        flood.filter(record("again"))
    clock.now += 1
    after, next_one = record("again"), record("again")
    assert flood.filter(after)
    assert flood.filter(next_one)
    assert after.__dict__["suppressed"] == 7
    assert "suppressed" not in next_one.__dict__


def test_one_event_does_not_silence_another() -> None:
    flood = RateLimitFilter(Clock())
    for _ in range(BURST * 2):
        flood.filter(record({"event": "handler_failed"}, name="app"))
    assert flood.filter(record({"event": "gateway_draining"}, name="app"))
    assert flood.filter(record({"event": "handler_failed"}, name="another"))


def test_events_of_a_user_s_making_share_one_allowance() -> None:
    flood = RateLimitFilter(Clock())
    written = sum(flood.filter(record(f"cannot parse {number}")) for number in range(MAX_EVENTS * 20))
    assert written == MAX_EVENTS + BURST


def test_a_flood_writes_few_lines_and_says_so(output: io.StringIO) -> None:
    log = structlog.stdlib.get_logger("app.test")
    clock = Clock()
    # pytest has handlers of its own.
    [handler] = [one for one in logging.getLogger().handlers if one.filters]
    handler.filters[:] = [RateLimitFilter(clock)]
    for number in range(20_000):
        log.error("handler_failed", update=number)
    lines = [json.loads(line) for line in output.getvalue().splitlines()]
    assert len(lines) == BURST
    clock.now += 1 / PER_SECOND
    log.error("handler_failed")
    assert json.loads(output.getvalue().splitlines()[-1])["suppressed"] == 20_000 - BURST


def test_a_long_text_is_cut_and_the_line_stays_json(output: io.StringIO) -> None:
    try:
        int("x" * 1_000_000 + "!", 36)
    except ValueError:
        structlog.stdlib.get_logger("app.test").exception("failed", quoted="y" * 1_000_000)
    [line] = output.getvalue().splitlines()
    assert len(line) < 2 * MAX_TEXT_LENGTH + 500
    assert json.loads(line)["event"] == "failed"
