"""Cases of the alerts that name a cause outside the gateway: Telegram, Redis, the way of updates to the webhook."""

from __future__ import annotations

from rules.promtool import JOB, Case, selector
from rules.series import Pace, counter, level, steady
from rules.shapes import GaugeAlert, QuantileAlert

TELEGRAM_CALLS = "bot_gateway_telegram_requests_total"
TELEGRAM_BOUNDS = ("0.1", "0.5", "1.0", "2.0", "5.0", "+Inf")
HALF_HOUR = 1800

TELEGRAM_SLOW = QuantileAlert(
    "TelegramSlow",
    "bot_gateway_telegram_request_duration_seconds",
    TELEGRAM_BOUNDS,
    "1.0",
    "2.0",
    180,
    "The 95th percentile of calls of the Bot API from bot-gateway in bots is 1.95s (threshold 1 s), so all replies are "
    "late. Check which methods are slow and the network to Telegram. If Telegram itself is slow, wait.",
    labels={"method": "sendMessage"},
    keep=180,
)


def calls(status: str, method: str = "sendMessage", pod: str = "a") -> str:
    return selector(TELEGRAM_CALLS, method=method, status=status, pod=pod)


TELEGRAM = (
    Case(
        "TelegramSlow",
        "does not count the wait for updates",
        {
            series.replace("sendMessage", "getUpdates"): values
            for series, values in TELEGRAM_SLOW.phases(("5.0", 1, HALF_HOUR)).items()
        },
        dict.fromkeys(range(600, HALF_HOUR, 60), 0),
    ),
    *(
        Case(
            "TelegramErrors",
            f"fires when calls end with {status}, not early, and resolves",
            {
                calls("200"): steady(2, 3600),
                calls(status): counter(Pace(0, 600), Pace(1, 600), Pace(0, 2400)),
            },
            {600: 0, 780: 0, 930: 1, 1200: 1, 1530: 1, 1710: 0},
        )
        for status in ("429", "502", "error")
    ),
    Case(
        "TelegramErrors",
        "reports the ratio of all replicas",
        {
            calls("200"): steady(0.5, HALF_HOUR),
            calls("429"): steady(0.1, HALF_HOUR),
            calls("500", pod="b"): steady(0.4, HALF_HOUR),
        },
        {HALF_HOUR - 60: 1},
        message="50% of the calls of the Bot API from bot-gateway in bots end with 429, 5xx or no response (threshold "
        "0.1). The gateway retries what is safe to repeat; other users get no reply. Check which status grows.",
        labels={"job": JOB},
    ),
    Case(
        "TelegramErrors",
        "fires with little traffic",
        {calls("200"): steady(0, HALF_HOUR), calls("502"): steady(0.03, HALF_HOUR)},
        {HALF_HOUR - 60: 1},
    ),
    Case(
        "TelegramErrors",
        "stays silent on five failures",
        {calls("error"): f"{steady(0, 900)} 1 3 5 {counter(Pace(0, 600)).replace('0.0+', '5+')}"},
        dict.fromkeys(range(900, 1500, 30), 0),
    ),
    Case(
        "TelegramErrors",
        "stays silent below the threshold",
        {calls("200"): steady(10, HALF_HOUR), calls("429"): steady(1, HALF_HOUR)},
        dict.fromkeys(range(600, HALF_HOUR, 60), 0),
    ),
    Case(
        "TelegramErrors",
        "does not count refused messages and blocked users",
        {calls("400"): steady(5, HALF_HOUR), calls("403"): steady(5, HALF_HOUR)},
        dict.fromkeys(range(600, HALF_HOUR, 60), 0),
    ),
    Case(
        "TelegramErrors",
        "does not count failed polls",
        {calls("409", "getUpdates"): steady(1, HALF_HOUR), calls("502", "getUpdates"): steady(1, HALF_HOUR)},
        dict.fromkeys(range(600, HALF_HOUR, 60), 0),
    ),
    Case(
        "TelegramErrors",
        "stays silent without traffic and on a counter reset",
        {calls("200"): "5000x60 0x120", calls("502"): "500x60 0x120"},
        dict.fromkeys(range(900, HALF_HOUR, 60), 0),
    ),
)

REDIS_CALLS = "bot_gateway_redis_operations_total"
REDIS_USED = "bot_gateway_redis_memory_used_bytes"
REDIS_MAX = "bot_gateway_redis_memory_max_bytes"


def redis(status: str, pod: str = "a", operation: str = "gauges") -> str:
    return selector(REDIS_CALLS, pod=pod, operation=operation, status=status)


REDIS = (
    Case(
        "RedisUnreachable",
        "fires within two minutes, not at once, continues for five minutes and resolves",
        {
            redis("success"): counter(Pace(2, 600), Pace(0, 600), Pace(2, 1800)),
            redis("error"): counter(Pace(0, 600), Pace(2, 600), Pace(0, 1800)),
        },
        {600: 0, 660: 0, 720: 1, 1200: 1, 1440: 1, 1560: 0},
    ),
    Case(
        "RedisUnreachable",
        "reports the ratio of all replicas",
        {
            redis("success"): steady(1, 900),
            redis("error"): steady(1, 900),
            redis("error", pod="b"): steady(2, 900),
        },
        {840: 1},
        message="75% of the Redis operations of bot-gateway in bots fail (threshold 0.5), so updates get 503 and "
        "Telegram delivers them again later. Errors and slow updates follow from it. Check the Redis pod, its disk and "
        "the network to it.",
        labels={"job": JOB},
    ),
    Case(
        "RedisUnreachable",
        "stays silent while less than half of the operations fail, and on a failover of half a minute",
        {
            redis("success"): counter(Pace(10, 600), Pace(0, 30), Pace(10, 900)),
            redis("error"): counter(Pace(4, 600), Pace(10, 30), Pace(4, 900)),
        },
        dict.fromkeys(range(300, 1500, 15), 0),
    ),
    Case(
        "RedisUnreachable",
        "stays silent on a counter reset",
        {redis("success"): "5000x60 0+30x60", redis("error"): "500x60 0x60"},
        dict.fromkeys(range(900, 1800, 60), 0),
    ),
    Case(
        "RedisFull",
        "fires after a minute while operations fail, continues for five minutes and resolves",
        {
            selector(REDIS_USED): level((70e6, 600), (99e6, 600), (70e6, 1200)),
            selector(REDIS_MAX): level((100e6, 2400)),
            redis("error"): counter(Pace(0, 600), Pace(1, 600), Pace(0, 1200)),
        },
        {600: 0, 660: 0, 690: 1, 1185: 1, 1470: 1, 1515: 0},
        message="Redis of bot-gateway in bots uses 99% of its memory and refuses operations, so updates get 503 and "
        "Telegram delivers them again later. Raise maxmemory now, then find what fills it.",
        labels={"job": JOB},
    ),
    Case(
        "RedisFull",
        "stays silent while nothing fails",
        {
            selector(REDIS_USED): level((99e6, 900)),
            selector(REDIS_MAX): level((100e6, 900)),
            redis("error"): steady(0, 900),
        },
        {840: 0},
    ),
    Case(
        "RedisFull",
        "leaves failures with free memory to RedisUnreachable",
        {
            selector(REDIS_USED): level((50e6, 900)),
            selector(REDIS_MAX): level((100e6, 900)),
            redis("error"): steady(5, 900),
        },
        {840: 0},
    ),
    Case(
        "CauseRecentlyFired",
        "fires with an alert that names the cause, and half an hour longer",
        {
            redis("success"): counter(Pace(2, 600), Pace(0, 600), Pace(2, 3600)),
            redis("error"): counter(Pace(0, 600), Pace(2, 600), Pace(0, 3600)),
        },
        {600: 0, 735: 1, 1200: 1, 3200: 1, 3600: 0},
        message="An alert that names a cause of failing or slow updates of bot-gateway fires or fired within the last "
        "minutes. This alert notifies nobody; it silences the objectives' alerts, which look back at the failure.",
        labels={"job": JOB},
    ),
    Case(
        "CauseRecentlyFired",
        "stays silent on a symptom",
        {selector("bot_gateway_errors_total", error_type="handler_failed", severity="error"): steady(10, HALF_HOUR)},
        dict.fromkeys(range(600, HALF_HOUR, 60), 0),
    ),
)

FAILED_AT = "bot_gateway_webhook_last_error_timestamp_seconds"
WAITING = "bot_gateway_webhook_pending_updates"
WEBHOOK = (
    Case(
        "WebhookDeliveryFails",
        "fires while deliveries fail and updates wait, after its duration, and resolves",
        # The time of the last failure follows the clock for ten minutes. A replica that is not elected knows nothing.
        {
            selector(FAILED_AT): "0x40 600+15x40 1200x60",
            selector(FAILED_AT, pod="b"): "0x140",
            selector(WAITING): level((0, 615), (7, 600), (0, 900)),
            selector(WAITING, pod="b"): " ".join(["NaN"] * 140),
        },
        {600: 0, 720: 0, 735: 1, 1200: 1, 1335: 0},
        message="Telegram failed to deliver an update to bot-gateway in bots 15s ago, again and again, and updates "
        "wait. Telegram keeps them for 24 hours. Read last_error_message of getWebhookInfo, then check DNS, the "
        "certificate and the ingress.",
        labels={"job": JOB},
    ),
    Case(
        "WebhookDeliveryFails",
        "stays silent on one failure, while its update waits",
        {selector(FAILED_AT): "0x40 600x80", selector(WAITING): level((0, 600), (1, 1200))},
        dict.fromkeys(range(600, 1800, 15), 0),
    ),
    Case(
        "WebhookDeliveryFails",
        "stays silent while failures leave nothing behind, and without any failure",
        {
            selector(FAILED_AT): "0x40 600+15x80",
            selector(WAITING): " ".join(["3x3 0x3"] * 20),
            selector(FAILED_AT, pod="b"): "0x120",
        },
        dict.fromkeys(range(0, 1800, 15), 0),
    ),
)


def ready(pod: str = "a") -> str:
    return selector("bot_gateway_ready", pod=pod)


def up(pod: str) -> str:
    return selector("up", pod=pod)


def started(pod: str = "a") -> str:
    return selector("process_start_time_seconds", pod=pod)


UNAVAILABLE = (
    'kube_deployment_status_replicas_unavailable{namespace="bots",job="kube-state-metrics",deployment="bot-gateway"}'
)
REPLICAS = (
    Case(
        "NoReadyReplica",
        "fires when pods run and none is ready, after its duration, and resolves",
        {ready("a"): level((1, 300), (0, 600), (1, 300)), ready("b"): level((1, 285), (0, 915))},
        {300: 0, 405: 0, 420: 1, 885: 1, 900: 0},
        message="The pods of bot-gateway in bots run, but none is ready, so no update is handled. Telegram keeps "
        "updates for 24 hours. Ask /readyz of a pod for the reason.",
        labels={"job": JOB},
    ),
    Case(
        "NoReadyReplica",
        "stays silent while one of two is ready, and on a restart",
        {ready("a"): level((1, 300), (0, 600)), ready("b"): level((0, 300), (1, 600))},
        dict.fromkeys(range(0, 900, 15), 0),
    ),
    Case("NoReadyReplica", "leaves pods that do not respond to BotGatewayDown", {up("a"): level((0, 900))}, {840: 0}),
    Case(
        "BotGatewayReplicaDown",
        "fires when one of two pods does not respond for a quarter of an hour, and resolves",
        {up("a"): level((1, 3000)), up("b"): level((1, 300), (0, 1500), (1, 300))},
        {300: 0, 1185: 0, 1200: 1, 1785: 1, 1800: 0},
        message="1 pods of bot-gateway in bots do not respond. The others do the work, with less reserve. Check the "
        "events of the pods and the nodes.",
        labels={"job": JOB},
    ),
    Case(
        "BotGatewayReplicaDown",
        "fires for a pod that does not run, where kube-state-metrics is scraped",
        {up("a"): level((1, 3000)), UNAVAILABLE: level((0, 300), (1, 1500), (0, 300))},
        {300: 0, 1185: 0, 1200: 1, 1785: 1, 1800: 0},
    ),
    Case(
        "BotGatewayReplicaDown",
        "stays silent during a rollout of ten minutes and while all respond",
        {up("a"): level((1, 3000)), up("b"): level((0, 600), (1, 2400)), UNAVAILABLE: level((1, 600), (0, 2400))},
        dict.fromkeys(range(0, 3000, 60), 0),
    ),
    Case(
        "BotGatewayRestarts",
        "fires at the third restart within ten minutes, and resolves",
        {started("a"): "1000x40 1600x10 1750x10 1900x80", started("b"): "1000x140"},
        {600: 0, 750: 0, 795: 0, 960: 1, 1500: 0},
    ),
    Case(
        "BotGatewayRestarts",
        "adds up the pods",
        {started(pod): "1000x40 1600x10 1750x80" for pod in ("a", "b")},
        {900: 1},
        message="Containers of bot-gateway in bots restarted 4 times within 10 minutes (threshold 2). Updates in "
        "progress are delivered again. Check the reason of the last termination: memory, a failing probe or a crash.",
        labels={"job": JOB},
    ),
    Case(
        "BotGatewayRestarts",
        "stays silent on a rollout, whose pods have new names",
        {
            **{started(pod): "1000x40 stale" for pod in ("a", "b", "c")},
            **{started(pod): "_x38 1570x80" for pod in ("d", "e", "f")},
        },
        dict.fromkeys(range(0, 1800, 30), 0),
    ),
)


CLOCK = GaugeAlert(
    "ClockSkew",
    "bot_gateway_clock_offset_seconds",
    -4.9,
    -7200,
    120,
    "The clock of pod a differs from Redis' by 2h 0m 0s (threshold 5 s), so deferred messages are sent at the wrong "
    "time and its logs and traces mislead. Check the time synchronization of the node; if all pods differ, that of "
    "Redis' node.",
    shown={"pod": "a"},
)


def attempts(status: str, service_name: str = "request") -> str:
    return selector("bot_gateway_service_requests_total", service_name=service_name, method="GET", status=status)


def breaker(pod: str = "a", service_name: str = "request") -> str:
    return selector("bot_gateway_service_circuit_breaker_state", pod=pod, service_name=service_name)


BACKENDS = (
    Case(
        "HighServiceErrorRatio",
        "fires when a backend fails three of ten calls, not early, and resolves",
        {
            attempts("200"): counter(Pace(1, 600), Pace(0.7, 900), Pace(1, 1800)),
            attempts("500"): counter(Pace(0, 600), Pace(0.3, 900), Pace(0, 1800)),
            attempts("200", "auth"): steady(100, 3300),
        },
        {600: 0, 780: 0, 1020: 1, 1500: 1, 2040: 0},
    ),
    Case(
        "HighServiceErrorRatio",
        "reports the ratio",
        {attempts("200"): steady(0.7, HALF_HOUR), attempts("error"): steady(0.3, HALF_HOUR)},
        {HALF_HOUR - 60: 1},
        message="30% of the calls from bot-gateway to the request backend fail (threshold 0.1), too few to open the "
        "circuit breaker. Retries hide some of them; other users get an error message. Check the backend's replicas "
        "and its log.",
        labels={"job": JOB, "service_name": "request"},
    ),
    Case(
        "HighServiceErrorRatio",
        "does not count refusals, stays silent below the threshold and on one failure in the night",
        {
            attempts("404"): steady(5, HALF_HOUR),
            attempts("200"): steady(5, HALF_HOUR),
            attempts("503"): steady(0.9, HALF_HOUR),
            attempts("503", "shift"): f"{steady(0, 900)} 1x60",
        },
        dict.fromkeys(range(300, HALF_HOUR, 60), 0),
    ),
    Case(
        "CircuitBreakerRecentlyOpen",
        "fires with CircuitBreakerOpen and for six minutes longer",
        {breaker(): level((0, 300), (1, 300), (0, 900)), breaker("b"): level((0, 1500))},
        {345: 0, 360: 1, 600: 1, 930: 1, 975: 0},
        message="A circuit breaker of bot-gateway to the request backend is open or was open within the last minutes. "
        "This alert notifies nobody; it silences alerts on rates that look back at the failure.",
        labels={"job": JOB, "service_name": "request"},
    ),
    Case(
        "CircuitBreakerRecentlyOpen",
        "stays silent on an opening of half a minute, of which nobody is notified",
        {breaker(): " ".join(["0x9 1x1 2"] * 8)},
        dict.fromkeys(range(0, 1500, 15), 0),
    ),
)

CASES: tuple[Case, ...] = (*TELEGRAM_SLOW.cases(), *TELEGRAM, *REDIS, *WEBHOOK, *REPLICAS, *BACKENDS, *CLOCK.cases())
