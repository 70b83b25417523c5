"""Threshold and severity of the alerts that panels show.

The values are the defaults of the chart (`charts/bot-gateway/values.yaml`); a test compares them. A panel that names an
alert gets its line, its colour and the link to its runbook from here.
"""

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Severities of the rules, lowest first."""

    WARNING = "warning"
    CRITICAL = "critical"


@dataclass(frozen=True)
class Alert:
    """An alert's name, its threshold, and whether it fires below the threshold instead of above it."""

    name: str
    threshold: float
    severity: Severity = Severity.WARNING
    below: bool = False


HIGH_ERROR_RATE = Alert("HighErrorRate", 1)
CRITICAL_ERROR_RATE = Alert("CriticalErrorRate", 5, Severity.CRITICAL)
HIGH_MESSAGE_LATENCY = Alert("HighMessageLatency", 2)
HIGH_SERVICE_ERROR_RATE = Alert("HighServiceErrorRate", 0.5)
CIRCUIT_BREAKER_OPEN = Alert("CircuitBreakerOpen", 1, Severity.CRITICAL)
EXCESSIVE_RATE_LIMIT_BLOCKS = Alert("ExcessiveRateLimitBlocks", 10)
HIGH_MEMORY_USAGE = Alert("HighMemoryUsage", 1e9)
CRITICAL_MEMORY_USAGE = Alert("CriticalMemoryUsage", 2e9, Severity.CRITICAL)
HIGH_EVENT_LOOP_LAG = Alert("HighEventLoopLag", 0.1)
REDIS_CONNECTION_POOL_EXHAUSTED = Alert("RedisConnectionPoolExhausted", 2, below=True)
HIGH_REDIS_LATENCY = Alert("HighRedisLatency", 0.1)
NO_ACTIVE_SESSIONS = Alert("NoActiveSessions", 0, below=True)
EXCESSIVE_FSM_SESSIONS = Alert("ExcessiveFSMSessions", 1000)
SERVICE_REQUEST_TIMEOUT = Alert("ServiceRequestTimeout", 10, Severity.CRITICAL)
HIGH_AUTH_FAILURE_RATE = Alert("HighAuthFailureRate", 1)
HIGH_WEBHOOK_FAILURE_RATE = Alert("HighWebhookFailureRate", 0.5)
REDIS_MEMORY_HIGH = Alert("RedisMemoryHigh", 0.8)
REDIS_EVICTS_KEYS = Alert("RedisEvictsKeys", 1)
REDIS_UNREACHABLE = Alert("RedisUnreachable", 0.5, Severity.CRITICAL)
REDIS_FULL = Alert("RedisFull", 0.95, Severity.CRITICAL)
CLOCK_SKEW = Alert("ClockSkew", 5)
TELEGRAM_SLOW = Alert("TelegramSlow", 1)
TELEGRAM_ERRORS = Alert("TelegramErrors", 0.1)
BACKEND_OUTLIER = Alert("BackendOutlier", 1)
"""Not specified, so not in `ALL`."""

ALL = (
    HIGH_ERROR_RATE,
    CRITICAL_ERROR_RATE,
    HIGH_MESSAGE_LATENCY,
    HIGH_SERVICE_ERROR_RATE,
    CIRCUIT_BREAKER_OPEN,
    EXCESSIVE_RATE_LIMIT_BLOCKS,
    HIGH_MEMORY_USAGE,
    CRITICAL_MEMORY_USAGE,
    HIGH_EVENT_LOOP_LAG,
    REDIS_CONNECTION_POOL_EXHAUSTED,
    HIGH_REDIS_LATENCY,
    NO_ACTIVE_SESSIONS,
    EXCESSIVE_FSM_SESSIONS,
    SERVICE_REQUEST_TIMEOUT,
    HIGH_AUTH_FAILURE_RATE,
    HIGH_WEBHOOK_FAILURE_RATE,
)
"""The specified alerts, in the order of the specification."""
