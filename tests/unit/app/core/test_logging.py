import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from app.core.logging import configure_logging, current_update_id
from app.core.redaction import Redactor
from app.core.tracing import create_span

TOKEN = "42:AAF-known-token"


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """Where the configured logs go."""
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    stream = io.StringIO()
    configure_logging("INFO", [TOKEN], stream)
    yield stream
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.configure(**config)


def lines(output: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


def test_an_event_is_one_line_of_json_with_its_ids(output: io.StringIO) -> None:
    token = current_update_id.set(7)
    with create_span("work") as span:
        structlog.stdlib.get_logger("app.test").warning("it_happened", count=2)
    current_update_id.reset(token)
    [line] = lines(output)
    assert line["event"] == "it_happened"
    assert line["count"] == 2
    assert line["level"] == "warning"
    assert line["update_id"] == 7
    assert line["trace_id"] == f"{span.recording.trace_id:032x}"
    assert line["span_id"] == f"{span.span_id:016x}"


def test_the_standard_library_s_events_look_alike(output: io.StringIO) -> None:
    logging.getLogger("some.library").warning("%s of theirs", "word")
    [line] = lines(output)
    assert line["event"] == "word of theirs"
    assert line["logger"] == "some.library"


def test_a_secret_is_redacted_wherever_it_stands(output: io.StringIO) -> None:
    log = structlog.stdlib.get_logger("app.test")
    try:
        int(f"https://api.telegram.org/bot{TOKEN}/getMe")
    except ValueError:
        log.exception("failed", url=f"/bot{TOKEN}/", nested={"a": [TOKEN]})
    logging.getLogger("aiohttp.client").error("cannot reach /bot%s/", TOKEN)
    assert TOKEN not in output.getvalue()
    assert output.getvalue().count("[redacted]") == 4


def test_what_is_less_than_the_level_is_not_logged(output: io.StringIO) -> None:
    structlog.stdlib.get_logger("app.test").debug("detail")
    logging.getLogger("aiogram.event").info("Update id=1 is handled")
    assert lines(output) == []


def test_a_secret_too_short_to_be_told_from_a_word_is_left_alone() -> None:
    assert Redactor(["abc", ""])("abc is a word") == "abc is a word"
