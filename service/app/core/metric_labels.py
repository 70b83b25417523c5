"""Allowed values of labels. Any other value becomes `other`, so that no user can create new series."""

from app.core.closed_sets import Backend, Category, DeadLetterReason, Outcome, RequestStatus, Role, Specialization

OTHER = "other"

ROLES = tuple(role.value for role in Role)
USER_ROLES = (*ROLES, "unknown")
LANGUAGES = ("ru", "uz", "en", OTHER)
MESSAGE_TYPES = (
    *("text", "command", "photo", "album", "location", "contact", "document", "voice", "audio", "video"),
    *("video_note", "animation", "sticker", "edited_message", "callback_query", "inline_query", "service", OTHER),
)
SERVICES = tuple(backend.value for backend in Backend)
HTTP_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
CATEGORIES = tuple(category.value for category in Category)
REQUEST_STATUSES = (*(status.value for status in RequestStatus), OTHER)
SPECIALIZATIONS = (*(trade.value for trade in Specialization), "all", OTHER)
WINDOWS = ("5m", "1h", "24h")
POLLING_CONFLICTS = ("webhook", "poller")
SEVERITIES = ("warning", "error", "critical")
ERRORS = (
    *(("invalid_update", "warning"), ("backend_unavailable", "warning"), ("telegram_failed", "warning")),
    *(("telegram_failed", "error"), ("handler_failed", "error"), ("deadline", "error")),
    *(("redis_unavailable", "error"), ("background", "error"), ("service_token", "critical")),
)
"""Error types and severities. Telegram refusing a poll is a warning, refusing a reply to a user is an error."""
ERROR_TYPES = tuple(dict.fromkeys(error_type for error_type, _ in ERRORS))
SERVICE_ERROR_TYPES = (
    *("timeout", "connection", "server_error", "circuit_open", "bulkhead_full", "deadline", "invalid_response"),
    OTHER,
)
OUTCOMES = tuple(outcome.value for outcome in Outcome)
DEAD_LETTER_REASONS = tuple(reason.value for reason in DeadLetterReason)
REDIS_OPERATIONS = (
    *("claim", "limit", "commit", "renew", "release", "profile", "gauges", "sweep", "budget", "dead_letters", "elect"),
    *("broadcast", "notify", "outbox", "blocked", "views", OTHER),
)
