"""Cases of the alerts on availability, on queues and on the monitoring itself."""

from __future__ import annotations

from rules.promtool import JOB, Case, selector
from rules.series import Pace, counter, level, steady
from rules.shapes import GaugeAlert

HOUR = 3600
REDIS_USED = "bot_gateway_redis_memory_used_bytes"
REDIS_MAX = "bot_gateway_redis_memory_max_bytes"


def up(pod: str = "a", job: str = JOB) -> str:
    return selector("up", job=job, pod=pod)


GAUGES = (
    GaugeAlert(
        "WebhookUpdatesPending",
        "bot_gateway_webhook_pending_updates",
        100,
        101,
        300,
        "101 updates wait at Telegram (threshold 100): it cannot reach the webhook, or the webhook is too slow. "
        "Check last_error_message of getWebhookInfo.",
        other_pods_count=False,
    ),
    GaugeAlert(
        "RedisEvictsKeys", "bot_gateway_redis_evicts_keys", 0, 1, 300,
        "Redis of bot-gateway in bots may evict keys when its memory is full (maxmemory-policy). Dialogues and the "
        "ids of handled updates would be lost without notice. Set maxmemory-policy noeviction.",
        other_pods_count=False,
    ),
)  # fmt: skip

AVAILABILITY = (
    Case(
        "BotGatewayDown",
        "fires when no pod responds, after its duration, and resolves",
        {up("a"): level((1, 300), (0, 300), (1, 300)), up("b"): level((0, 900))},
        {300: 0, 405: 0, 420: 1, 585: 1, 600: 0},
        message="No pod of bot-gateway in bots responds to Prometheus. The bot is down; Telegram keeps updates for 24 "
        "hours. Check the pods and the last rollout.",
        labels={"job": JOB},
    ),
    Case(
        "BotGatewayDown",
        "stays silent while one pod responds",
        {up("a"): level((1, 900)), up("b"): level((0, 900))},
        {840: 0},
    ),
    Case(
        "BotGatewayDown",
        "stays silent while the only pod is replaced",
        {up("a"): level((1, 300), ("stale", 15)), up("b"): level(("_", 330), (0, 30), (1, 300))},
        dict.fromkeys(range(300, 600, 15), 0),
    ),
    Case(
        "BotGatewayAbsent",
        "fires when nothing is scraped, after its duration, and resolves",
        {up("a"): level((1, 300), ("stale", 600), (1, 300))},
        {285: 0, 585: 0, 600: 1, 885: 1, 900: 0},
        message="Prometheus has no target for bot-gateway in bots, so no other alert of it can fire. Check that pods "
        "exist and that the ServiceMonitor is selected.",
        labels={"job": JOB},
    ),
    Case(
        "BotGatewayAbsent",
        "leaves a target that does not respond to BotGatewayDown",
        {up("a"): level((0, 900))},
        {840: 0},
    ),
    Case(
        "BotGatewayAbsent",
        "fires where another release is scraped",
        {up("a", job="another"): level((1, 900))},
        {840: 1},
    ),
    Case(
        "Watchdog",
        "always fires",
        {},
        {0: 1, 600: 1},
        message="This alert always fires. If it is missing, Prometheus or Alertmanager is broken and no alert reaches "
        "anybody.",
    ),
)

DEAD_LETTERS = selector("bot_gateway_dead_letters_total", reason="invalid_update")
CONFLICTS = "bot_gateway_polling_conflicts_total"
SPANS = "bot_gateway_spans_dropped_total"
QUEUES = (
    Case(
        "DeadLettersGrowing",
        "fires at more than ten within a quarter of an hour and resolves",
        {DEAD_LETTERS: counter(Pace(0, 600), Pace(0.1, 300), Pace(0, 3000))},
        {600: 0, 690: 0, 900: 1, 2100: 0},
    ),
    Case(
        "DeadLettersGrowing",
        "reports the number",
        {DEAD_LETTERS: steady(0.02, 3600)},
        {3000: 1},
        message="18 updates became dead letters within 15 minutes (threshold 10). They are stored and can be replayed. "
        "List them and fix the cause first.",
        labels={"job": JOB},
    ),
    Case("DeadLettersGrowing", "stays silent below ten", {DEAD_LETTERS: steady(0.01, 3600)}, {1800: 0, 3000: 0}),
    Case("DeadLettersGrowing", "stays silent without traffic", {DEAD_LETTERS: steady(0, 3600)}, {1800: 0}),
    Case(
        "DeadLettersGrowing",
        "stays silent on a counter reset",
        {DEAD_LETTERS: "500x60 0x120"},
        dict.fromkeys(range(900, 1800, 60), 0),
    ),
    Case(
        "PollingConflict",
        "fires while another program polls, not early, and resolves",
        {selector(CONFLICTS, reason="poller"): counter(Pace(0, 600), Pace(0.2, 300), Pace(0, 1200))},
        {600: 0, 660: 0, 720: 1, 900: 1, 1290: 0},
    ),
    Case(
        "PollingConflict",
        "reports the number and the reason",
        {selector(CONFLICTS, reason="webhook"): steady(0.2, 3600)},
        {3000: 1},
        message="Telegram refused 60 polls within 5 minutes (threshold 5), because another program uses the same bot "
        "(reason webhook: webhook, it set one; poller, it polls). It gets updates that this gateway does not see. Stop "
        "that program, or revoke the token if you do not know it.",
        labels={"job": JOB, "reason": "webhook"},
    ),
    Case(
        "PollingConflict",
        "stays silent when a webhook was set three times and deleted each time",
        {selector(CONFLICTS, reason="webhook"): "0x40 1x4 2x4 3x200"},
        dict.fromkeys(range(600, 1800, 60), 0),
    ),
    Case(
        "PollingConflict",
        "stays silent without conflicts and on a counter reset",
        {selector(CONFLICTS, reason="poller"): "500x60 0x120"},
        dict.fromkeys(range(900, 1800, 60), 0),
    ),
    Case(
        "RedisMemoryHigh",
        "fires after its duration, not before, and resolves",
        {
            selector(REDIS_USED, pod="a"): level((79e6, 600), (81e6, 600), (80e6, 600)),
            selector(REDIS_MAX, pod="a"): level((100e6, 1800)),
        },
        {600: 0, 885: 0, 900: 1, 1185: 1, 1200: 0},
        message="Redis of bot-gateway in bots uses 81% of the memory that it may use (threshold 0.8). When it is full, "
        "Redis refuses writes and updates get 503. Raise its memory or find what grows.",
        labels={"job": JOB},
    ),
    Case(
        "RedisMemoryHigh",
        "is one alert for all replicas",
        {
            **{selector(REDIS_USED, pod=pod): level((90e6, 900)) for pod in ("a", "b")},
            **{selector(REDIS_MAX, pod=pod): level((100e6, 900)) for pod in ("a", "b")},
        },
        {600: 1},
    ),
    Case(
        "RedisMemoryHigh",
        "stays silent without a limit",
        {selector(REDIS_USED): level((9e9, 900)), selector(REDIS_MAX): level((0, 900))},
        {840: 0},
    ),
    Case(
        "TracesLost",
        "fires when exports fail, not early, and resolves",
        {selector(SPANS, reason="export_failed"): counter(Pace(0, 600), Pace(10, 900), Pace(0, 1800))},
        {600: 0, 1200: 0, 1230: 1, 1860: 0},
    ),
    Case(
        "TracesLost",
        "reports the number",
        {selector(SPANS, reason="queue_full"): steady(10, 3600)},
        {3000: 1},
        message="bot-gateway loses 10.0 spans per second. Updates are not affected. Check whether Jaeger is reachable "
        "and keeps up.",
        labels={"job": JOB},
    ),
    Case(
        "TracesLost",
        "stays silent on the limit of kept errors",
        {selector(SPANS, reason="error_budget"): steady(10, 3600)},
        {3000: 0},
    ),
    Case(
        "TracesLost",
        "stays silent without losses and on a counter reset",
        {selector(SPANS, reason="export_failed"): "500x60 0x120"},
        dict.fromkeys(range(900, 1800, 60), 0),
    ),
)

GRAFANA = 'up{namespace="monitoring",job="kube-prometheus-stack-grafana",pod="g"}'
MONITORS = (
    Case(
        "MonitoringTargetDown",
        "fires when Grafana does not respond, not early, and resolves",
        {GRAFANA: level((1, 600), (0, 600), (1, 600))},
        {600: 0, 885: 0, 900: 1, 1200: 0},
        message="kube-prometheus-stack-grafana was scraped and does not respond now, so dashboards or traces may be "
        "missing. Check its pods.",
        labels={"job": "kube-prometheus-stack-grafana"},
    ),
    Case(
        "MonitoringTargetDown",
        "fires for an hour when Jaeger's target disappears",
        {'up{namespace="monitoring",job="jaeger",pod="j"}': level((1, 2 * HOUR), ("stale", 2 * HOUR))},
        {2 * HOUR: 0, 2 * HOUR + 285: 0, 2 * HOUR + 300: 1, 3 * HOUR + 600: 0},
    ),
    Case("MonitoringTargetDown", "stays silent where there is no Grafana", {up("a"): level((1, 600))}, {540: 0}),
    Case(
        "MonitoringTargetDown",
        "stays silent while one replica responds",
        {GRAFANA: level((0, 900)), GRAFANA.replace('"g"', '"h"'): level((1, 900))},
        {840: 0},
    ),
    Case("MonitoringTargetDown", "ignores the gateway", {up("a"): level((0, 900))}, {840: 0}),
)

CASES: tuple[Case, ...] = (
    *(case for alert in GAUGES for case in alert.cases()),
    *AVAILABILITY,
    *QUEUES,
    *MONITORS,
)
