"""Cases of the sixteen alerts of the product's specification."""

from __future__ import annotations

from rules.promtool import JOB, Case, selector
from rules.series import Pace, counter, level
from rules.shapes import GaugeAlert, QuantileAlert, RateAlert

PROCESSING = ("0.1", "0.5", "1.0", "2.0", "5.0", "10.0", "+Inf")
LAG = ("0.01", "0.05", "0.1", "0.25", "1.0", "+Inf")
REDIS = ("0.001", "0.01", "0.1", "0.25", "1.0", "+Inf")
SERVICE = ("0.1", "1.0", "5.0", "10.0", "15.0", "20.0", "+Inf")
BREAKER = "bot_gateway_service_circuit_breaker_state"
FAILED_OUTCOMES = ("failed", "invalid", "too_large", "overloaded", "unavailable")
OTHER_OUTCOMES = ("handled", "duplicate", "unauthorized", "unsupported", "timed_out", "busy", "draining")

RATES = (
    RateAlert(
        "HighErrorRate", "bot_gateway_errors_total", 1, 300,
        "bot-gateway in bots counts 1.10 errors per second (threshold 1). Failed updates are kept as dead letters. "
        "Check which error_type grows and whether a rollout preceded it.",
        labels={"error_type": "handler", "severity": "error"},
    ),
    RateAlert(
        "CriticalErrorRate", "bot_gateway_errors_total", 5, 120,
        "bot-gateway in bots counts 5.50 errors per second (threshold 5), so most users get error messages. "
        "If a rollout preceded it, undo the rollout first.",
        window=120, labels={"error_type": "handler", "severity": "error"}, keep=240,
    ),
    RateAlert(
        "HighServiceErrorRate", "bot_gateway_service_errors_total", 0.5, 300,
        "Calls from bot-gateway to the request backend fail 0.55 times per second (threshold 0.5). If this continues, "
        "the circuit breaker opens. Check the backend and the network to it.",
        labels={"service_name": "request", "error_type": "timeout"}, shown={"service_name": "request"},
    ),
    RateAlert(
        "ExcessiveRateLimitBlocks", "bot_gateway_rate_limit_blocks_total", 10, 300,
        "bot-gateway refuses 11.0 updates per second because their senders exceed the rate limit (threshold 10). "
        "Check whether a few users flood the bot or the limit is too low for a role.",
        labels={"user_role": "applicant"},
    ),
    RateAlert(
        "HighAuthFailureRate", "bot_gateway_auth_attempts_total", 1, 300,
        "1.10 authentications per second fail in bots (threshold 1). Those users are asked to link their account. "
        "Check whether the Auth Service refuses the service token.",
        labels={"result": "failure", "user_role": "unknown"},
    ),
    RateAlert(
        "HighWebhookFailureRate", "bot_gateway_webhook_requests_total", 0.5, 180,
        "0.55 webhook requests per second fail in bots (threshold 0.5). Telegram retries some of them, the others "
        "become dead letters. Check which outcome grows.",
        labels={"outcome": "failed"},
    ),
)  # fmt: skip

GAUGES = (
    GaugeAlert(
        "HighMemoryUsage", "bot_gateway_memory_usage_bytes", 1e9, 1.2e9, 300,
        "Pod a uses 1.118GiB of memory. Nothing fails yet. Check whether it grows since a rollout (a leak) or with "
        "the traffic.", labels={"type": "rss"}, shown={"pod": "a"},
    ),
    GaugeAlert(
        "CriticalMemoryUsage", "bot_gateway_memory_usage_bytes", 2e9, 2.2e9, 120,
        "Pod a uses 2.049GiB of memory and will be killed at its limit. Delete the pod, so that it shuts down "
        "gracefully, and look for the leak.", labels={"type": "rss"}, shown={"pod": "a"},
    ),
    GaugeAlert(
        "RedisConnectionPoolExhausted", "bot_gateway_redis_connection_pool_available", 2, 1, 120,
        "Pod a has 1 free Redis connections (fewer than 2). Broadcasts and gauges wait; updates have connections of "
        "their own. Check the latency of Redis, then raise the pool's size.", shown={"pod": "a"},
    ),
    GaugeAlert(
        "NoActiveSessions", "bot_gateway_active_sessions", 1, 0, 600,
        "bot-gateway in bots has 0 active sessions. If users should be active at this time, check the webhook with "
        "getWebhookInfo.", labels={"user_role": "applicant"}, other_pods_count=False,
    ),
    GaugeAlert(
        "ExcessiveFSMSessions", "bot_gateway_active_fsm_sessions", 1000, 1001, 300,
        "1001 dialogues are open in bots (threshold 1000). Check whether one state holds most of them: users may not "
        "be able to complete it.", labels={"state": "RequestForm:photo"},
        other_pods_count=False,
    ),
)  # fmt: skip

QUANTILES = (
    QuantileAlert(
        "HighMessageLatency", "bot_gateway_message_processing_duration_seconds", PROCESSING, "2.0", "5.0", 300,
        "The 95th percentile of the processing time of updates in bots is 4.85s (threshold 2 s). Users wait. "
        "Check the backends, Telegram and the CPU usage.",
    ),
    QuantileAlert(
        "HighEventLoopLag", "bot_gateway_event_loop_lag_seconds", LAG, "0.1", "0.25", 300,
        "The event loop of pod a is late by 242.5ms at the 95th percentile (threshold 0.1 s), which slows down all its "
        "users. Check the CPU usage and the log for the watchdog's stack dumps.", shown={"pod": "a"},
    ),
    QuantileAlert(
        "HighRedisLatency", "bot_gateway_redis_operation_duration_seconds", REDIS, "0.1", "0.25", 300,
        "The 95th percentile of Redis operations in bots is 242.5ms (threshold 0.1 s), which slows down every update. "
        "Check the disk, the memory and the slow log of Redis.",
        labels={"operation": "claim"},
    ),
    QuantileAlert(
        "ServiceRequestTimeout", "bot_gateway_service_request_duration_seconds", SERVICE, "10.0", "15.0", 180,
        "The 95th percentile of calls to the shift backend is 14.75s (threshold 10 s). Users wait, and many calls "
        "time out. Check the load of the backend and of its database.",
        labels={"service_name": "shift", "method": "GET"}, shown={"service_name": "shift"},
    ),
)  # fmt: skip


def breaker(pod: str = "a", service_name: str = "request") -> str:
    return selector(BREAKER, pod=pod, service_name=service_name)


CIRCUIT_BREAKER = (
    Case(
        "CircuitBreakerOpen", "fires after exactly a minute and resolves when it closes",
        {breaker(): level((0, 300), (1, 300), (0, 300))},
        {300: 0, 345: 0, 360: 1, 585: 1, 600: 0},
        message="Pod a has stopped calling the request backend (state 1), and its users get an error message. The pod "
        "keeps probing the backend. If all pods are affected, check the backend; if one is, the operator or you can "
        "replace it.",
        labels={"job": JOB, "pod": "a", "service_name": "request"},
    ),
    Case(
        "CircuitBreakerOpen", "fires through the half-open state of a breaker that cycles",
        {breaker(): "0x19 " + " ".join(["1 1 2"] * 40)},
        {345: 0, 375: 1, 600: 1, 900: 1, 1200: 1},
    ),
    Case(
        "CircuitBreakerOpen", "stays silent on one opening of half a minute",
        {breaker(): level((0, 300), (1, 30), (2, 15), (0, 600))},
        dict.fromkeys(range(300, 600, 15), 0),
    ),
    Case(
        "CircuitBreakerOpen", "stays silent on half-open alone",
        {breaker(): level((0, 300), (2, 600))},
        dict.fromkeys(range(300, 900, 15), 0),
    ),
    Case(
        "CircuitBreakerOpen", "resolves within half a minute when its pod is gone",
        {breaker("a"): level((1, 300), ("stale", 15)), breaker("b"): level((0, 900))},
        {285: 1, 330: 0, 600: 0},
    ),
    Case(
        "CircuitBreakerOpen", "starts its duration again after the replacement of its pod",
        {breaker("a"): level((1, 45), ("stale", 15)), breaker("b"): level(("_", 75), (1, 45), (0, 300))},
        dict.fromkeys(range(0, 400, 15), 0),
    ),
    Case(
        "CircuitBreakerOpen", "is one alert for each pod and backend",
        {breaker(pod, service): level((1, 300)) for pod in ("a", "b") for service in ("auth", "shift")},
        {240: 4},
    ),
    Case(
        "CircuitBreakerOpen", "stays silent when all are closed",
        {breaker(service_name=service): level((0, 900)) for service in ("auth", "request", "user", "shift")},
        {300: 0, 840: 0},
    ),
)  # fmt: skip


def outlier(pod: str = "a", service_name: str = "request") -> str:
    return selector("bot_gateway_service_outlier", pod=pod, service_name=service_name)


BACKEND_OUTLIER = (
    Case(
        "BackendOutlier", "fires after exactly a minute and resolves when the pod is healthy",
        {outlier(): level((0, 300), (1, 300), (0, 300)), outlier("b"): level((0, 900))},
        {300: 0, 345: 0, 360: 1, 585: 1, 600: 0},
        message="Pod a fails to use the request backend, and most other pods do not. Its users wait or get an error "
        "message. The operator or you can replace the pod; if the replacement fails too, check the node and its "
        "network.",
        labels={"job": JOB, "pod": "a", "service_name": "request"},
    ),
    Case(
        "BackendOutlier", "stays silent on an outlier of half a minute",
        {outlier(): level((0, 300), (1, 45), (0, 300))},
        dict.fromkeys(range(300, 600, 15), 0),
    ),
    Case(
        "BackendOutlier", "stays silent while nobody can tell",
        {outlier(): " ".join(["NaN"] * 40)},
        dict.fromkeys(range(0, 600, 15), 0),
    ),
    Case(
        "BackendOutlier", "resolves within half a minute when its pod is gone",
        {outlier("a"): level((1, 300), ("stale", 15)), outlier("b"): level((0, 900))},
        {285: 1, 330: 0, 600: 0},
    ),
    Case(
        "BackendOutlier", "starts its duration again after the replacement of its pod",
        {outlier("a"): level((1, 45), ("stale", 15)), outlier("b"): level(("_", 75), (1, 45), (0, 300))},
        dict.fromkeys(range(0, 400, 15), 0),
    ),
    Case(
        "BackendOutlier", "is one alert for each pod and backend",
        {outlier(pod, service): level((1, 300)) for pod in ("a", "b") for service in ("auth", "shift")},
        {240: 4},
    ),
)  # fmt: skip

SPECIAL = (
    *(
        Case(
            "HighWebhookFailureRate", f"counts {outcome}",
            {selector("bot_gateway_webhook_requests_total", outcome=outcome): counter(Pace(1, 1200))},
            {1140: 1},
        )
        for outcome in FAILED_OUTCOMES
    ),
    *(
        Case(
            "HighWebhookFailureRate", f"does not count {outcome}",
            {selector("bot_gateway_webhook_requests_total", outcome=outcome): counter(Pace(100, 1200))},
            {600: 0, 1140: 0},
        )
        for outcome in OTHER_OUTCOMES
    ),
    *(
        Case(
            "HighAuthFailureRate", f"does not count {result}",
            {selector("bot_gateway_auth_attempts_total", result=result): counter(Pace(50, 1200))},
            {600: 0, 1140: 0},
        )
        for result in ("success", "stale")
    ),
    Case(
        "NoActiveSessions", "takes the largest value of the replicas, which all read the same Redis",
        {
            selector("bot_gateway_active_sessions", pod="a", user_role="applicant"): level((0, 1800)),
            selector("bot_gateway_active_sessions", pod="b", user_role="applicant"): level((3, 1800)),
        },
        {1200: 0, 1740: 0},
    ),
    Case(
        "ExcessiveFSMSessions", "does not add up the replicas",
        {
            selector("bot_gateway_active_fsm_sessions", pod=pod, state="Form:text"): level((900, 1800))
            for pod in ("a", "b", "c")
        },
        {1200: 0, 1740: 0},
    ),
    Case(
        "ExcessiveFSMSessions", "adds up the states",
        {
            selector("bot_gateway_active_fsm_sessions", state=state): level((600, 1800))
            for state in ("Form:text", "Form:photo")
        },
        {240: 0, 1740: 1},
    ),
    *(
        Case(
            "HighMemoryUsage", f"does not look at {kind}",
            {selector("bot_gateway_memory_usage_bytes", type=kind): level((5e9, 1200))},
            {1140: 0},
        )
        for kind in ("heap", "external")
    ),
    Case(
        "ServiceRequestTimeout", "is not hidden by a backend that is fast",
        {
            **QUANTILES[3].phases(("15.0", 1, 1200)),
            **{
                series.replace('"shift"', '"auth"'): values
                for series, values in QUANTILES[3].phases(("0.1", 100, 1200)).items()
            },
        },
        {1140: 1},
    ),
    Case(
        "HighErrorRate", "is of this release only",
        {selector("bot_gateway_errors_total", job="another", error_type="x"): counter(Pace(50, 1200))},
        {600: 0, 1140: 0},
    ),
)  # fmt: skip

CASES: tuple[Case, ...] = (
    *(case for alert in (*RATES, *GAUGES, *QUANTILES) for case in alert.cases()),
    *CIRCUIT_BREAKER,
    *BACKEND_OUTLIER,
    *SPECIAL,
)
