"""Overview: is the bot healthy, since when not, why, who is affected, and where to look next."""

from grafana_foundation_sdk.models import dashboard as models

from boards import activity, alerts, colours, style
from boards.families import OUTCOMES_METRIC, outcomes, percentiles, pods_ready
from boards.frame import Row, dashboard
from boards.links import OVERVIEW, PERFORMANCE, REMEDIATION, SERVICES, SLO, board, runbook_of_row, traces
from boards.panels import ERRORS_PER_SECOND, AnyPanel, Query, graph, number, timeline
from boards.queries import (
    BAD,
    FAILED,
    KNOWN,
    alerts as alerts_in,
    counted,
    firing,
    or_zero,
    per_second,
    quantile,
    worst_pod,
)
from boards.tables import Column, rows

ERROR_TYPES = (
    "backend_unavailable",
    "handler_failed",
    "invalid_update",
    "redis_unavailable",
    "telegram_failed",
    "service_token",
)
LATENCY = "bot_gateway_message_processing_duration_seconds"
SEVERITY = models.DynamicConfigValue("mappings", style.SEVERITIES)
SEVERITIES = 'severity=~"warning|critical"'
ALERT_STATES = style.words(
    {"0": (" ", "transparent"), "1": ("warning", colours.WARNING), "2": ("critical", colours.CRITICAL)}
)


def build() -> models.Dashboard:
    """The dashboard `Bot Gateway - Overview`."""
    return dashboard(
        OVERVIEW,
        "Health and activity of the bot gateway. Start here and read downwards: is it healthy, since when not, why?",
        [
            Row("Is it healthy?", _health()),
            Row("Since when?", _since()),
            Row("Why?", _why()),
            Row("What are users doing?", activity.traffic()),
            Row("What do users achieve?", activity.business()),
        ],
    )


def _health() -> list[AnyPanel]:
    return [
        number(
            "Critical alerts",
            "Critical alerts that fire now. The table below links to their runbooks.",
            Query(or_zero(f"count({firing('critical')})")),
            "none",
            thresholds=style.steps((None, colours.OK), (1, colours.CRITICAL)),
        ),
        number(
            "Warnings",
            "Warnings that fire now. They can wait for working hours unless a critical alert also fires.",
            Query(or_zero(f"count({firing('warning')})")),
            "none",
            thresholds=style.steps((None, colours.OK), (1, colours.WARNING)),
        ),
        pods_ready(
            "Replicas that are started and not draining. If none is ready, Telegram keeps the updates and retries.",
            board(PERFORMANCE),
        ),
        number(
            "Success",
            "Ratio of Telegram's updates that neither fail nor end with an error message because a backend is"
            " unavailable. Requests without the webhook secret do not count.",
            Query(f"1 - {per_second(OUTCOMES_METRIC, match=BAD)} / {per_second(OUTCOMES_METRIC, match=KNOWN)}"),
            "percentunit",
            thresholds=style.steps((None, colours.CRITICAL), (0.99, colours.WARNING), (0.999, colours.OK)),
            decimals=2,
            links=[board(SLO)],
        ),
        number(
            "Errors",
            "Errors per second of all types. The alerts use the average over five and over two minutes.",
            Query(per_second("bot_gateway_errors_total")),
            ERRORS_PER_SECOND,
            alerts=[alerts.HIGH_ERROR_RATE, alerts.CRITICAL_ERROR_RATE],
            decimals=2,
        ),
        number(
            "Latency p95",
            "95 % of the messages are handled within this time.",
            Query(quantile(0.95, LATENCY)),
            "s",
            alerts=[alerts.HIGH_MESSAGE_LATENCY],
            links=[traces(query="&minDuration=2s")],
        ),
        number(
            "Breakers",
            "Backends with an open or half-open circuit breaker on at least one pod. Their users get an error message.",
            Query(f"sum({worst_pod('bot_gateway_service_circuit_breaker_state', 'service_name')} > bool 0)"),
            "none",
            thresholds=style.steps((None, colours.OK), (1, colours.CRITICAL)),
            alerts=[alerts.CIRCUIT_BREAKER_OPEN],
            links=[board(SERVICES)],
        ),
        number(
            "Messages",
            "Messages per second. Zero during the day means that Telegram cannot reach the bot.",
            Query(per_second("bot_gateway_messages_total")),
            "reqps",
            decimals=1,
        ),
    ]


def _since_when(severity: str, value: int) -> str:
    """`value` while an alert fires, 0 after it resolved: a gap would be drawn as if it still fired."""
    alerting = firing(severity)
    fired = f"max by (alertname) (max_over_time({alerting}[$__range]))"
    return f"{value} * max by (alertname) ({alerting}) or 0 * {fired}"


def _since() -> list[AnyPanel]:
    return [
        timeline(
            "Firing alerts",
            "When each alert fired. The first one is usually closest to the cause.",
            [
                Query(_since_when("critical", 2), "{{alertname}}"),
                Query(_since_when("warning", 1), "{{alertname}}"),
            ],
            ALERT_STATES,
            height=9,
            links=[board(REMEDIATION)],
            no_value="No alert fired in this time range.",
        ),
        rows(
            "Alerts and their runbooks",
            "Alerts that are firing or pending now. Click an alert for its runbook.",
            [Query(f"max by (alertname, severity, alertstate, service_name, pod) ({alerts_in(SEVERITIES)})")],
            [
                Column("alertname", "Alert", width=230, link=runbook_of_row()),
                Column("severity", "Severity", width=85, properties=(style.coloured_text(), SEVERITY)),
                Column("alertstate", "State", width=85),
                Column("service_name", "Service", width=85),
                Column("pod", "Pod"),
            ],
            sort_by="Severity",
            ascending=True,
            height=9,
            no_value="No alert is firing or pending.",
        ),
        graph(
            "Error rate",
            "Errors per second by type, stacked. HighErrorRate and CriticalErrorRate use the rate at the top edge.",
            [Query(per_second("bot_gateway_errors_total", "error_type"), "{{error_type}}")],
            ERRORS_PER_SECOND,
            alerts=[alerts.HIGH_ERROR_RATE, alerts.CRITICAL_ERROR_RATE],
            stacked=True,
            series_colours=colours.identities(*ERROR_TYPES),
            span=8,
            links=[traces(query="&tags=%7B%22error%22%3A%22true%22%7D")],
        ),
        percentiles(
            "Message processing duration (95th percentile)",
            "From the arrival of a message to the end of its handling. The dots are exemplars: each links to a trace.",
            LATENCY,
            exemplars=True,
            alerts=[alerts.HIGH_MESSAGE_LATENCY],
            span=8,
            links=[board(SERVICES), traces(query="&minDuration=2s")],
        ),
        outcomes(
            "Webhook requests by outcome",
            "Outcomes of Telegram's requests. HighWebhookFailureRate counts `failed`, `invalid`, `too_large`,"
            " `overloaded` and `unavailable`; `busy` and `draining` are harmless, because Telegram retries them."
            " `degraded` updates are handled, but their user gets an error message because a backend is unavailable.",
            board(SLO),
        ),
    ]


def _why() -> list[AnyPanel]:
    return [
        rows(
            "Errors of the last hour",
            "Errors by type, most frequent first. docs/metrics.md explains the types.",
            [Query(f"{counted('bot_gateway_errors_total', '1h', 'error_type', 'severity')} > 0")],
            [
                Column("error_type", "Type"),
                Column("severity", "Severity", width=75),
                Column("Value", "Errors", unit="short", width=75),
            ],
            sort_by="Errors",
            span=6,
            no_value="No error in the last hour.",
        ),
        rows(
            "Unhandled exceptions of the last hour",
            "Exceptions that a handler did not catch: bugs of the bot. Refusals by Telegram (400, 403) do not count.",
            [Query(f"{counted('bot_gateway_exceptions_total', '1h', 'exception_type')} > 0")],
            [Column("exception_type", "Exception"), Column("Value", "Times", unit="short", width=75)],
            sort_by="Times",
            span=6,
            no_value="No unhandled exception in the last hour.",
        ),
        graph(
            "Failed webhook requests",
            "The outcomes that HighWebhookFailureRate counts.",
            [Query(per_second(OUTCOMES_METRIC, match=FAILED), "failed requests")],
            "reqps",
            alerts=[alerts.HIGH_WEBHOOK_FAILURE_RATE],
            series_colours={"failed requests": colours.CRITICAL},
            span=6,
        ),
        graph(
            "Authentication attempts",
            "`stale` means that a cached identity was used because Auth is down; `failure` means unknown or blocked"
            " users (HighAuthFailureRate fires above 1/s).",
            [Query(per_second("bot_gateway_auth_attempts_total", "result"), "{{result}}")],
            "reqps",
            alerts=[alerts.HIGH_AUTH_FAILURE_RATE],
            series_colours=colours.RESULTS,
            span=6,
            links=[board(SERVICES)],
        ),
        graph(
            "Rate limit blocks",
            "Messages refused because their sender exceeds the rate limit, by role, stacked.",
            [Query(per_second("bot_gateway_rate_limit_blocks_total", "user_role"), "{{user_role}}")],
            "reqps",
            alerts=[alerts.EXCESSIVE_RATE_LIMIT_BLOCKS],
            series_colours=colours.ROLES,
            stacked=True,
            span=8,
        ),
        graph(
            "Queues",
            "Updates that wait at Telegram, dead letters that wait for a person (`bot-gateway dead-letters list`),"
            " deferred messages and recipients of broadcasts. A rising line means that users wait.",
            [
                Query(worst_pod("bot_gateway_webhook_pending_updates"), "pending at Telegram"),
                Query(worst_pod("bot_gateway_dead_letters_queued"), "dead letters"),
                Query(worst_pod("bot_gateway_outbox_messages"), "outbox"),
                Query(worst_pod("bot_gateway_broadcast_queue_recipients"), "broadcast recipients"),
            ],
            "short",
            series_colours=colours.identities("pending at Telegram", "dead letters", "outbox", "broadcast recipients"),
            span=8,
        ),
        graph(
            "Duplicates and dead letters",
            "Redeliveries of updates that were already handled, updates that became dead letters, and polls refused"
            " because another program uses the bot, by reason.",
            [
                Query(f"{per_second('bot_gateway_duplicate_updates_total')} > 0", "duplicates"),
                Query(f"{per_second('bot_gateway_dead_letters_total', 'reason')} > 0", "dead letter: {{reason}}"),
                Query(f"{per_second('bot_gateway_polling_conflicts_total', 'reason')} > 0", "conflict: {{reason}}"),
            ],
            "ops",
            series_colours={"duplicates": colours.NEUTRAL},
            sparse=True,
            span=8,
            no_value="No duplicate, dead letter or polling conflict in this time range.",
        ),
    ]
