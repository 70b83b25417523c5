"""Allowed values of labels. Any other value becomes `other`, so that no user can create new series."""

OTHER = "other"

ROLES = ("applicant", "executor", "manager", "admin")
USER_ROLES = (*ROLES, "unknown")
LANGUAGES = ("ru", "uz", "en", OTHER)
MESSAGE_TYPES = (
    *("text", "command", "photo", "album", "location", "contact", "document", "voice", "audio", "video"),
    *("video_note", "animation", "sticker", "edited_message", "callback_query", "inline_query", "service", OTHER),
)
SERVICES = ("auth", "request", "user", "shift")
HTTP_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
CATEGORIES = ("plumbing", "electricity", "heating", "elevator", "cleaning", OTHER)
REQUEST_STATUSES = ("new", "assigned", "in_progress", "done", "cancelled", OTHER)
SPECIALIZATIONS = ("plumber", "electrician", "heating", "elevator", "cleaner", "universal", "all", OTHER)
WINDOWS = ("5m", "1h", "24h")
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
OUTCOMES = (
    *("handled", "degraded", "duplicate", "failed", "invalid", "unauthorized", "too_large"),
    *("unsupported", "timed_out"),
    *("unavailable", "busy", "overloaded", "draining"),
)
DEAD_LETTER_REASONS = ("invalid_json", "invalid_update", "too_large", "handler_failed")
REDIS_OPERATIONS = (
    *("claim", "limit", "commit", "renew", "release", "profile", "gauges", "sweep", "budget", "dead_letters", "elect"),
    *("broadcast", "notify", "outbox", "blocked", "views", OTHER),
)
