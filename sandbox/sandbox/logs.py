"""The sandbox's own log: one JSON object per line on standard error."""

import logging
import sys

import structlog


def configure_logs() -> None:
    """Configure structlog and the standard library's logging."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Plain())
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.getLogger("sandbox").setLevel(logging.INFO)


class _Plain(logging.Formatter):
    """Passes the sandbox's JSON lines through and prefixes other lines with level and logger."""

    def format(self, record: logging.LogRecord) -> str:
        message = super().format(record)
        return message if record.name.startswith("sandbox") else f"{record.levelname} {record.name}: {message}"
