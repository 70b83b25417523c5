"""Every metric of the gateway. A constant has the name of its family without the prefix `bot_gateway_`.

The label of a backend is `service_name`, never `service`: Prometheus attaches its own `service`, `namespace`, `pod`,
`job`, `instance`, `endpoint` and `container` to each target's series, and would rename ours.
"""

from itertools import product

from prometheus_client import Counter

from app.core.metric_family import FAMILIES as FAMILIES, counter, gauge, histogram, label_value as label_value
from app.core.metric_labels import (
    CATEGORIES as CATEGORIES,
    DEAD_LETTER_REASONS as DEAD_LETTER_REASONS,
    ERROR_TYPES as ERROR_TYPES,
    ERRORS as ERRORS,
    HTTP_METHODS as HTTP_METHODS,
    LANGUAGES as LANGUAGES,
    MESSAGE_TYPES as MESSAGE_TYPES,
    OUTCOMES as OUTCOMES,
    POLLING_CONFLICTS as POLLING_CONFLICTS,
    REDIS_OPERATIONS as REDIS_OPERATIONS,
    REQUEST_STATUSES as REQUEST_STATUSES,
    ROLES as ROLES,
    SERVICE_ERROR_TYPES as SERVICE_ERROR_TYPES,
    SERVICES as SERVICES,
    SEVERITIES as SEVERITIES,
    SPECIALIZATIONS as SPECIALIZATIONS,
    USER_ROLES as USER_ROLES,
    WINDOWS as WINDOWS,
)

_FAST = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5)
# Telegram gives up after 60 s, and the deadline of an update is 45 s.
_SLOW = (*_FAST, 10, 15, 20, 30, 45, 60)
_END_TO_END = (0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)
_TINY = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5)
_LAG = (*_TINY, 5, 10, 30, 60)

# Messages
MESSAGES_TOTAL = counter(
    "messages_total",
    "Updates that were claimed, those over the rate limit too.",
    {"message_type": MESSAGE_TYPES, "user_role": USER_ROLES, "language": LANGUAGES},
)
MESSAGE_PROCESSING_DURATION_SECONDS = histogram(
    "message_processing_duration_seconds",
    "Seconds from receiving an update to the end of its handling, including backend and Telegram calls.",
    buckets=_SLOW,
)
UPDATE_END_TO_END_DURATION_SECONDS = histogram(
    "update_end_to_end_duration_seconds",
    "Seconds from when the user sent an update (Telegram's date, in whole seconds) or it was first delivered until it "
    "was handled, redeliveries included.",
    buckets=_END_TO_END,
)
COMMANDS_TOTAL = counter(
    "commands_total", "Commands that users gave.", {"command": "the bot's commands, other", "user_role": USER_ROLES}
)
CALLBACKS_TOTAL = counter(
    "callbacks_total",
    "Inline buttons that users pressed.",
    {"callback_type": "prefixes of the bot's callback data, other", "user_role": USER_ROLES},
)

# Dialogues
FSM_STATE_TRANSITIONS_TOTAL = counter(
    "fsm_state_transitions_total",
    "Steps of dialogues, counted when they are committed.",
    {"from_state": "the bot's states, none, other", "to_state": "the bot's states, none, other"},
)
ACTIVE_FSM_SESSIONS = gauge(
    "active_fsm_sessions",
    "Open dialogues in the whole cluster; NaN while Redis cannot be read.",
    {"state": "the bot's states, other"},
    aggregate="max",
)

# Errors
ERRORS_TOTAL = counter(
    "errors_total",
    "Failures of the gateway, by what failed.",
    {"error_type": ERROR_TYPES, "severity": SEVERITIES},
)
EXCEPTIONS_TOTAL = counter(
    "exceptions_total",
    "Exceptions that no handler expected; refusals of Telegram (400, 403) are not among them.",
    {"exception_type": "class names of Python and its libraries"},
)

# Performance
MIDDLEWARE_DURATION_SECONDS = histogram(
    "middleware_duration_seconds",
    "Seconds that one middleware took, without those inside it.",
    {"middleware": "the gateway's middlewares"},
    buckets=_TINY,
)
EVENT_LOOP_LAG_SECONDS = histogram(
    "event_loop_lag_seconds",
    "Seconds by which the event loop woke up late, or would have every 50 ms while it was blocked.",
    buckets=_LAG,
)

# Backends
SERVICE_REQUESTS_TOTAL = counter(
    "service_requests_total",
    "Attempts to call a backend, without probes. status is the HTTP status or error.",
    {"service_name": SERVICES, "method": HTTP_METHODS, "status": "HTTP status, error"},
)
SERVICE_REQUEST_DURATION_SECONDS = histogram(
    "service_request_duration_seconds",
    "Seconds that one attempt to call a backend took.",
    {"service_name": SERVICES, "method": HTTP_METHODS},
    buckets=_SLOW,
)
SERVICE_ERRORS_TOTAL = counter(
    "service_errors_total",
    "Backend calls without a usable response; a 4xx is usable.",
    {"service_name": SERVICES, "error_type": SERVICE_ERROR_TYPES},
)
SERVICE_CIRCUIT_BREAKER_STATE = gauge(
    "service_circuit_breaker_state",
    "This replica's breaker: 0 closed, 1 open, 2 half-open.",
    {"service_name": SERVICES},
    aggregate="max by (pod)",
)
SERVICE_CIRCUIT_BREAKER_TRANSITIONS_TOTAL = counter(
    "service_circuit_breaker_transitions_total",
    "Changes of a breaker's state.",
    {"service_name": SERVICES, "to_state": ("closed", "open", "half_open")},
)
SERVICE_BREAKER_OPENED_TIMESTAMP_SECONDS = gauge(
    "service_breaker_opened_timestamp_seconds",
    "Unix time at which this replica's breaker last opened while it was closed, 0 for never. Stays when it closes.",
    {"service_name": SERVICES},
    aggregate="max by (pod)",
)
SERVICE_LAST_SUCCESS_TIMESTAMP_SECONDS = gauge(
    "service_last_success_timestamp_seconds",
    "Unix time of this replica's last response of the backend below 500, probes included; NaN before the first.",
    {"service_name": SERVICES},
    aggregate="max by (pod)",
)
SERVICE_OUTLIER = gauge(
    "service_outlier",
    "1 while this replica fails to use the backend and most of its peers do not, until 30 s of good probes; NaN while "
    "Redis cannot be read.",
    {"service_name": SERVICES},
    aggregate="max by (pod)",
)
SERVICE_RETRIES_TOTAL = counter("service_retries_total", "Backend calls tried again.", {"service_name": SERVICES})
SERVICE_BULKHEAD_REJECTIONS_TOTAL = counter(
    "service_bulkhead_rejections_total",
    "Backend calls refused because all slots of that backend were in use.",
    {"service_name": SERVICES},
)

# Authentication
AUTH_ATTEMPTS_TOTAL = counter(
    "auth_attempts_total",
    "Users looked up; stale is a cached response used while the Auth Service is down.",
    {"result": ("success", "failure", "stale"), "user_role": USER_ROLES},
)
ACTIVE_SESSIONS = gauge(
    "active_sessions",
    "Users' sessions in the whole cluster; NaN while Redis cannot be read.",
    {"user_role": USER_ROLES},
    aggregate="max",
)
SESSION_DURATION_SECONDS = histogram(
    "session_duration_seconds",
    "Seconds from the first to the last update of a session, observed when it has ended.",
    {"user_role": USER_ROLES},
    buckets=(1, 10, 30, 60, 300, 600, 1800, 3600, 7200, 14400),
)

# Rate limit
RATE_LIMIT_HITS_TOTAL = counter(
    "rate_limit_hits_total", "Warnings to users who exceeded the rate limit.", {"user_role": USER_ROLES}
)
RATE_LIMIT_BLOCKS_TOTAL = counter(
    "rate_limit_blocks_total", "Updates not handled because of the rate limit.", {"user_role": USER_ROLES}
)

# Redis
REDIS_OPERATIONS_TOTAL = counter(
    "redis_operations_total", "Calls of Redis.", {"operation": REDIS_OPERATIONS, "status": ("success", "error")}
)
REDIS_OPERATION_DURATION_SECONDS = histogram(
    "redis_operation_duration_seconds",
    "Seconds that a call of Redis took.",
    {"operation": REDIS_OPERATIONS},
    buckets=_TINY,
)
REDIS_CONNECTION_POOL_SIZE = gauge(
    "redis_connection_pool_size", "Maximum connections of the pool.", aggregate="min by (pod)"
)
REDIS_CONNECTION_POOL_AVAILABLE = gauge(
    "redis_connection_pool_available", "Connections of the pool that are not in use.", aggregate="min by (pod)"
)
REDIS_MEMORY_USED_BYTES = gauge(
    "redis_memory_used_bytes", "Memory that Redis uses, of a Redis Cluster its fullest master.", aggregate="max"
)
REDIS_MEMORY_MAX_BYTES = gauge(
    "redis_memory_max_bytes", "Memory that it may use (maxmemory) before writes fail; 0: no limit.", aggregate="max"
)
REDIS_EVICTS_KEYS = gauge(
    "redis_evicts_keys", "1 if Redis may remove keys when its memory is full (maxmemory-policy).", aggregate="max"
)

# Resources
MEMORY_USAGE_BYTES = gauge(
    "memory_usage_bytes",
    "Resident bytes. heap is anonymous memory, external is mapped files and shared memory; they sum to rss.",
    {"type": ("rss", "heap", "external")},
    aggregate="max by (pod)",
)
CPU_USAGE_PERCENT = gauge(
    "cpu_usage_percent", "Percent of one core used in the last seconds.", aggregate="max by (pod)"
)
CLOCK_OFFSET_SECONDS = gauge(
    "clock_offset_seconds",
    "Seconds by which this replica's clock is ahead of Redis' (negative: behind); NaN while Redis cannot be read.",
    aggregate="max by (pod) (abs())",
)

# Requests and shifts
REQUESTS_CREATED_TOTAL = counter("requests_created_total", "Requests created by the bot.", {"category": CATEGORIES})
REQUESTS_VIEWED_TOTAL = counter("requests_viewed_total", "Requests shown.", {"view": ("list", "details", "search")})
REQUESTS_UPDATED_TOTAL = counter(
    "requests_updated_total", "Requests whose status was changed by the bot.", {"status": REQUEST_STATUSES}
)
SHIFTS_VIEWED_TOTAL = counter("shifts_viewed_total", "Lists of shifts shown.", {"specialization": SPECIALIZATIONS})
SHIFTS_TAKEN_TOTAL = counter("shifts_taken_total", "Shifts taken.", {"specialization": SPECIALIZATIONS})
SHIFTS_RELEASED_TOTAL = counter("shifts_released_total", "Shifts released.", {"specialization": SPECIALIZATIONS})
AVAILABILITY_UPDATES_TOTAL = counter(
    "availability_updates_total", "Changes of an executor's availability.", {"available": ("true", "false")}
)

# Administration
ADMIN_ACTIONS_TOTAL = counter(
    "admin_actions_total", "Actions of managers and admins.", {"action": "the bot's admin actions, other"}
)
ADMIN_SEARCHES_TOTAL = counter(
    "admin_searches_total", "Searches of managers and admins.", {"search_type": "the bot's kinds of search, other"}
)
BROADCASTS_SENT_TOTAL = counter(
    "broadcasts_sent_total", "Broadcasts that were completed.", {"target_role": (*ROLES, "all")}
)
BROADCAST_RECIPIENTS = histogram(
    "broadcast_recipients",
    "Recipients of a broadcast, observed when it is completed.",
    buckets=(1, 10, 50, 100, 500, 1000, 5000, 10000, 50000),
)
BROADCAST_QUEUE_RECIPIENTS = gauge(
    "broadcast_queue_recipients",
    "Recipients still waiting in the whole cluster; NaN while Redis cannot be read.",
    aggregate="max",
)

# Users
ACTIVE_USERS = gauge(
    "active_users",
    "Users with an update within the window, in the whole cluster; NaN while Redis cannot be read.",
    {"window": WINDOWS, "user_role": USER_ROLES},
    aggregate="max",
)
USER_ACTIONS_TOTAL = counter(
    "user_actions_total", "What users did.", {"action": "the bot's actions, other", "user_role": USER_ROLES}
)

# Webhook
WEBHOOK_REQUESTS_TOTAL = counter("webhook_requests_total", "Posts to /webhook, by outcome.", {"outcome": OUTCOMES})
WEBHOOK_REQUEST_DURATION_SECONDS = histogram(
    "webhook_request_duration_seconds", "Seconds that a post to /webhook took.", buckets=_SLOW
)
WEBHOOK_IN_FLIGHT = gauge("webhook_in_flight", "Updates being handled.", aggregate="sum")
DUPLICATE_UPDATES_TOTAL = counter("duplicate_updates_total", "Redelivered updates that were already committed.")
WEBHOOK_PENDING_UPDATES = gauge(
    "webhook_pending_updates", "Updates pending at Telegram; NaN on replicas that are not elected.", aggregate="max"
)
WEBHOOK_LAST_ERROR_TIMESTAMP_SECONDS = gauge(
    "webhook_last_error_timestamp_seconds", "Unix time of Telegram's last failed delivery, 0 for none.", aggregate="max"
)
POLLING_CONFLICTS_TOTAL = counter(
    "polling_conflicts_total",
    "Polls that Telegram refused with 409: another program has set a webhook, or polls for the same bot.",
    {"reason": POLLING_CONFLICTS},
)
DEAD_LETTERS_TOTAL = counter("dead_letters_total", "Updates stored as dead letters.", {"reason": DEAD_LETTER_REASONS})
DEAD_LETTERS_QUEUED = gauge(
    "dead_letters_queued",
    "Dead letters in the queue; NaN while Redis cannot be read.",
    aggregate="max",
)
NOTIFICATIONS_TOTAL = counter(
    "notifications_total",
    "Requests of backends to /internal/notify. sent includes messages with an unknown outcome, which errors_total"
    " counts as telegram_failed; only failed asks the backend to retry.",
    {"result": ("sent", "duplicate", "invalid", "unauthorized", "blocked", "failed", "queued")},
)
OUTBOX_MESSAGES = gauge(
    "outbox_messages", "Messages deferred by Telegram's rate limits; NaN while Redis cannot be read.", aggregate="max"
)

# Telegram
TELEGRAM_REQUESTS_TOTAL = counter(
    "telegram_requests_total",
    "Calls of the Bot API. status is the HTTP status or error.",
    {"method": "Bot API methods", "status": "HTTP status, error"},
)
TELEGRAM_REQUEST_DURATION_SECONDS = histogram(
    "telegram_request_duration_seconds",
    "Seconds that a call of the Bot API took.",
    {"method": "Bot API methods"},
    buckets=_SLOW,
)
TELEGRAM_RETRY_AFTER_SECONDS_TOTAL = counter(
    "telegram_retry_after_seconds_total", "Seconds to wait that Telegram demanded (429, Retry-After)."
)

# The gateway about itself
SPANS_EXPORTED_TOTAL = counter("spans_exported_total", "Spans exported to the collector.")
SPANS_DROPPED_TOTAL = counter(
    "spans_dropped_total", "Spans lost.", {"reason": ("queue_full", "export_failed", "error_budget")}
)
TRACES_KEPT_TOTAL = counter(
    "traces_kept_total", "Traces exported, by why they were kept.", {"reason": ("sampled", "error", "slow")}
)
BUILD_INFO = gauge(
    "build_info", "Always 1.", {"version": "version", "python_version": "version"}, aggregate="count by (version)"
)
READY = gauge(
    "ready", "1 while the replica accepts updates, 0 while it starts, drains or cannot poll.", aggregate="sum"
)

# Series that alerts and the operator use exist from the start: increase() misses the first increment of a new one.
_INITIAL_LABELS: dict[Counter, tuple[tuple[str, ...], ...]] = {
    SERVICE_ERRORS_TOTAL: (SERVICES, SERVICE_ERROR_TYPES),
    SERVICE_CIRCUIT_BREAKER_TRANSITIONS_TOTAL: (SERVICES, ("closed", "open", "half_open")),
    SERVICE_RETRIES_TOTAL: (SERVICES,),
    SERVICE_BULKHEAD_REJECTIONS_TOTAL: (SERVICES,),
    AUTH_ATTEMPTS_TOTAL: (("success", "failure", "stale"), USER_ROLES),
    RATE_LIMIT_HITS_TOTAL: (USER_ROLES,),
    RATE_LIMIT_BLOCKS_TOTAL: (USER_ROLES,),
    WEBHOOK_REQUESTS_TOTAL: (OUTCOMES,),
    POLLING_CONFLICTS_TOTAL: (POLLING_CONFLICTS,),
    DEAD_LETTERS_TOTAL: (DEAD_LETTER_REASONS,),
    SPANS_DROPPED_TOTAL: (("queue_full", "export_failed", "error_budget"),),
    TRACES_KEPT_TOTAL: (("sampled", "error", "slow"),),
}


def initialise() -> None:
    """Expose series of alerts as 0, breakers as closed, and gauges without a value yet as NaN."""
    for error in ERRORS:
        ERRORS_TOTAL.labels(*error)
    for family, labels in _INITIAL_LABELS.items():
        for values in product(*labels):
            family.labels(*values)
    for service in SERVICES:
        SERVICE_CIRCUIT_BREAKER_STATE.labels(service)
        SERVICE_BREAKER_OPENED_TIMESTAMP_SECONDS.labels(service)
        SERVICE_LAST_SUCCESS_TIMESTAMP_SECONDS.labels(service).set(float("nan"))
        SERVICE_OUTLIER.labels(service).set(float("nan"))
    for name in (
        WEBHOOK_PENDING_UPDATES,
        DEAD_LETTERS_QUEUED,
        BROADCAST_QUEUE_RECIPIENTS,
        OUTBOX_MESSAGES,
        CLOCK_OFFSET_SECONDS,
    ):
        name.set(float("nan"))
