"""JSON logs, one line per event, with the ids that link them to traces and updates.

Secrets are kept out twice: the code never logs them, and the last processor redacts any that reached an event, for
example in the message of an exception that quotes a URL.
"""

import logging
import sys
from collections.abc import Iterable
from contextvars import ContextVar
from typing import TextIO

import structlog
from structlog.typing import EventDict, WrappedLogger

from app.core.log_rate_limit import RateLimitFilter, add_suppressed, truncate
from app.core.redaction import Redactor
from app.core.tracing import current_span

current_update_id: ContextVar[int | None] = ContextVar("current_update_id", default=None)
"""The update being handled. structlog's own context variables would cost every update, and few updates log."""


def add_trace_ids(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add `trace_id` and `span_id` of the current span."""
    span = current_span()
    if span is not None:
        event["trace_id"] = f"{span.recording.trace_id:032x}"
        event["span_id"] = f"{span.span_id:016x}"
    return event


def add_update_id(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Add `update_id`, where an update is being handled."""
    update_id = current_update_id.get()
    if update_id is not None:
        event["update_id"] = update_id
    return event


def configure_logging(level: str, secrets: Iterable[str], stream: TextIO | None = None) -> None:
    """Send structlog's and the standard library's events to `stream` (standard output) as redacted JSON."""
    redact = Redactor(secrets)
    render = structlog.processors.JSONRenderer(ensure_ascii=False)

    def render_redacted(logger: WrappedLogger, method: str, event: EventDict) -> str:
        return redact(str(render(logger, method, event)))

    shared: list[structlog.typing.Processor] = [
        add_update_id,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_trace_ids,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                add_suppressed,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                truncate,
                render_redacted,
            ],
        )
    )
    handler.addFilter(RateLimitFilter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # aiogram logs every update at INFO, aiohttp every request; both are counted and traced instead.
    for name in ("aiogram.event", "aiohttp.access"):
        logging.getLogger(name).setLevel(logging.WARNING)
