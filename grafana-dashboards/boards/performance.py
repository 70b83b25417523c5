"""Performance & Resources: is the gateway itself the bottleneck, and which resource does it lack?"""

from grafana_foundation_sdk.models import dashboard as models

from boards import alerts, colours, style
from boards.families import percentiles, pods_ready, rate_by
from boards.frame import Row, dashboard
from boards.links import OVERVIEW, PERFORMANCE, SERVICES, board, traces
from boards.panels import ERRORS_PER_SECOND, AnyPanel, Query, distribution, graph, number
from boards.queries import per_second, quantile, series, short_pod, within, worst_pod

MIDDLEWARES = ("addressed", "metrics", "i18n", "rate_limit", "auth", "guard")
DROPPED = {f"dropped: {reason}": colours.WARNING for reason in ("queue_full", "export_failed", "error_budget")}
OPERATIONS = (
    *("claim", "commit", "renew", "release", "profile"),
    *("gauges", "budget", "notify", "outbox", "broadcast"),
)
MEMORY = "bot_gateway_memory_usage_bytes"
LAG = "bot_gateway_event_loop_lag_seconds"
REDIS = "bot_gateway_redis_operations_total"
SUCCEEDED = 'status="success"'
REDIS_TIME = "bot_gateway_redis_operation_duration_seconds"
POOL_FREE = "bot_gateway_redis_connection_pool_available"
REDIS_USED = "bot_gateway_redis_memory_used_bytes"
REDIS_MAX = "bot_gateway_redis_memory_max_bytes"


def build() -> models.Dashboard:
    """The dashboard `Bot Gateway - Performance & Resources`."""
    return dashboard(
        PERFORMANCE,
        "Memory, CPU, event loop, Redis and middlewares of each replica: does the gateway lack a resource?",
        [
            Row("Does it lack a resource?", _health()),
            Row("Memory and CPU", _resources()),
            Row("Event loop and middlewares", _loop()),
            Row("Redis", _redis()),
            Row("Sessions and traces", _sessions()),
        ],
        since="now-3h",
    )


def _health() -> list[AnyPanel]:
    return [
        pods_ready("Replicas that are started and not draining.", board(OVERVIEW)),
        number(
            "Memory",
            "Resident memory of the largest replica.",
            Query(worst_pod(MEMORY, match='type="rss"')),
            "decbytes",
            alerts=[alerts.HIGH_MEMORY_USAGE, alerts.CRITICAL_MEMORY_USAGE],
        ),
        number(
            "CPU",
            "CPU of the busiest replica; 100 % is one core, and a replica cannot use much more than one.",
            Query(worst_pod("bot_gateway_cpu_usage_percent")),
            "percent",
            thresholds=style.steps((None, colours.OK), (75, colours.NOTICE), (95, colours.WARNING)),
            decimals=0,
        ),
        number(
            "Loop lag p95",
            "Lag of the event loop of the worst replica. A blocked loop delays every user of that replica.",
            Query(f"max({quantile(0.95, LAG, 'pod')})"),
            "s",
            alerts=[alerts.HIGH_EVENT_LOOP_LAG],
        ),
        number(
            "Redis p95",
            "95 % of the Redis calls complete within this time.",
            Query(quantile(0.95, REDIS_TIME)),
            "s",
            alerts=[alerts.HIGH_REDIS_LATENCY],
        ),
        number(
            "Redis pool",
            "Free Redis connections of the replica with the fewest.",
            Query(f"min({series(POOL_FREE)})"),
            "none",
            alerts=[alerts.REDIS_CONNECTION_POOL_EXHAUSTED],
        ),
        number(
            "Redis errors",
            "Redis calls that fail, per second. While it is above zero, the response to updates is 503.",
            Query(f"{per_second(REDIS)} - {per_second(REDIS, match=SUCCEEDED)}"),
            ERRORS_PER_SECOND,
            thresholds=style.steps((None, colours.OK), (0.01, colours.WARNING), (1, colours.CRITICAL)),
            decimals=2,
        ),
        number(
            "In flight",
            "Updates that all replicas handle at this moment.",
            Query(f"sum({series('bot_gateway_webhook_in_flight')})"),
            "none",
        ),
    ]


def _resources() -> list[AnyPanel]:
    return [
        graph(
            "Memory usage (RSS, heap, external)",
            "The largest replica. Heap is anonymous memory, external is mapped files and shared memory; together they"
            " are RSS. A heap that only grows is a leak.",
            [Query(worst_pod(MEMORY, "type"), "{{type}}")],
            "decbytes",
            alerts=[alerts.HIGH_MEMORY_USAGE, alerts.CRITICAL_MEMORY_USAGE],
            series_colours=colours.MEMORY,
            span=8,
        ),
        graph(
            "Resident memory by pod",
            "If one replica grows, the cause is in that replica; if all grow, it is in the code.",
            [Query(short_pod(worst_pod(MEMORY, "pod", match='type="rss"')), "{{pod}}")],
            "decbytes",
            series_colours=colours.POD_PATTERNS,
            alerts=[alerts.HIGH_MEMORY_USAGE, alerts.CRITICAL_MEMORY_USAGE],
            span=8,
        ),
        graph(
            "CPU usage",
            "By pod; 100 % is one core. Near 100 % the event loop starts to lag: add replicas.",
            [Query(short_pod(worst_pod("bot_gateway_cpu_usage_percent", "pod")), "{{pod}}")],
            "percent",
            series_colours=colours.POD_PATTERNS,
            span=8,
        ),
        graph(
            "Clock offset by pod",
            "Seconds by which the pod's clock is ahead of Redis' (negative: behind).",
            [Query(short_pod(worst_pod("bot_gateway_clock_offset_seconds", "pod")), "{{pod}}")],
            "s",
            series_colours=colours.POD_PATTERNS,
            alerts=[alerts.CLOCK_SKEW],
            span=24,
            height=6,
        ),
    ]


def _loop() -> list[AnyPanel]:
    middleware = "bot_gateway_middleware_duration_seconds"
    return [
        graph(
            "Event loop lag (95th, 99th percentile)",
            "The worst pod. Lag with a low CPU usage means that some code blocks the loop; with a full core, that there"
            " is too much work for one replica.",
            [
                Query(f"max({quantile(0.95, LAG, 'pod')})", "p95"),
                Query(f"max({quantile(0.99, LAG, 'pod')})", "p99"),
            ],
            "s",
            alerts=[alerts.HIGH_EVENT_LOOP_LAG],
            series_colours=colours.PERCENTILES,
            span=8,
        ),
        graph(
            "Middleware duration",
            "95th percentile of each middleware, without the middlewares inside it.",
            [Query(quantile(0.95, middleware, "middleware"), "{{middleware}}")],
            "s",
            series_colours=colours.identities(*MIDDLEWARES),
            span=8,
            links=[traces(query="&minDuration=2s")],
        ),
        percentiles(
            "Webhook request duration",
            "From Telegram's request to the response, with the wait for the chat lock.",
            "bot_gateway_webhook_request_duration_seconds",
            exemplars=True,
            span=8,
            links=[board(SERVICES)],
        ),
        percentiles(
            "End-to-end latency of updates",
            "From when the user sent an update until it was handled, with all redeliveries: what users wait. Telegram's"
            " date has whole seconds, so up to one second of it is rounding.",
            "bot_gateway_update_end_to_end_duration_seconds",
            span=24,
        ),
    ]


def _redis() -> list[AnyPanel]:
    return [
        percentiles(
            "Redis operation latency",
            "Percentiles over all operations. HighRedisLatency uses the 95th percentile.",
            REDIS_TIME,
            alerts=[alerts.HIGH_REDIS_LATENCY],
        ),
        graph(
            "Redis connection pool",
            "Size of the pool, and the free connections of the pod with the fewest.",
            [
                Query(f"min({series('bot_gateway_redis_connection_pool_size')})", "size"),
                Query(f"min({series(POOL_FREE)})", "free"),
            ],
            "none",
            alerts=[alerts.REDIS_CONNECTION_POOL_EXHAUSTED],
            series_colours={"size": colours.NEUTRAL, "free": colours.PLAIN},
        ),
        graph(
            "Redis memory",
            "Used part of the memory that Redis may use (maxmemory). At 100 % it refuses writes.",
            [Query(f"max({series(REDIS_USED)} / ({series(REDIS_MAX)} > 0))", "used")],
            "percentunit",
            alerts=[alerts.REDIS_MEMORY_HIGH, alerts.REDIS_FULL],
            series_colours={"used": colours.PLAIN},
        ),
        number(
            "Redis memory in use",
            "Memory of Redis, of a Redis Cluster its fullest master.",
            Query(f"max({series(REDIS_USED)})"),
            "bytes",
            span=6,
            height=8,
        ),
        number(
            "Redis evicts keys",
            "1 if Redis may remove keys when its memory is full: set maxmemory-policy noeviction.",
            Query(f"max({series('bot_gateway_redis_evicts_keys')})"),
            "none",
            alerts=[alerts.REDIS_EVICTS_KEYS],
            span=6,
            height=8,
        ),
        rate_by(
            "Redis operations rate",
            "Calls per second by operation. Every update makes one `claim` and one `commit`.",
            REDIS,
            "operation",
            OPERATIONS,
            span=12,
            right=True,
        ),
        graph(
            "Redis latency by operation (95th percentile)",
            "If one operation is slow, check its script or its values; if all are, check Redis and the network.",
            [Query(f"{quantile(0.95, REDIS_TIME, 'operation')} > 0", "{{operation}}")],
            "s",
            legend_right=True,
            series_colours=colours.identities(*OPERATIONS),
        ),
    ]


def _sessions() -> list[AnyPanel]:
    sessions = within("bot_gateway_session_duration_seconds_bucket", "$__rate_interval", "le")
    return [
        distribution(
            "Session duration distribution",
            "Duration of the sessions that ended at each moment. A stronger colour means more sessions.",
            Query(sessions, "{{le}}"),
            "s",
            links=[board(OVERVIEW)],
            no_value="No session ended in this time range.",
        ),
        graph(
            "Traces kept",
            "Traces kept per second, by reason: sampled, failed or slow.",
            [Query(per_second("bot_gateway_traces_kept_total", "reason"), "{{reason}}")],
            "ops",
            series_colours={"error": colours.CRITICAL, "slow": colours.NOTICE, "sampled": colours.PLAIN},
            span=6,
            links=[traces()],
        ),
        graph(
            "Spans exported and dropped",
            "Dropped spans mean that Jaeger is slow or unavailable. Traces are incomplete; updates are not affected.",
            [
                Query(per_second("bot_gateway_spans_exported_total"), "exported"),
                Query(f"{per_second('bot_gateway_spans_dropped_total', 'reason')} > 0", "dropped: {{reason}}"),
            ],
            "ops",
            series_colours={"exported": colours.PLAIN, **DROPPED},
            span=6,
        ),
    ]
