"""Service Integration: which backend fails, how, since when, and how users are affected."""

from grafana_foundation_sdk.models import dashboard as models

from boards import alerts, colours, style
from boards.families import percentiles
from boards.frame import Row, dashboard
from boards.links import OVERVIEW, REMEDIATION, SERVICES, board, traces
from boards.panels import ERRORS_PER_SECOND, AnyPanel, Query, graph, number, timeline
from boards.queries import SERVICE, counted, or_zero, per_second, quantile, series, short_pod, worst_pod
from boards.tables import Column, rows

REQUESTS = "bot_gateway_service_requests_total"
DURATION = "bot_gateway_service_request_duration_seconds"
ERRORS = "bot_gateway_service_errors_total"
BREAKER = "bot_gateway_service_circuit_breaker_state"
OUTLIER = "bot_gateway_service_outlier"
LAST_SUCCESS = "bot_gateway_service_last_success_timestamp_seconds"
RETRIES = "bot_gateway_service_retries_total"
REFUSED = "bot_gateway_service_bulkhead_rejections_total"
TELEGRAM_METHODS = ("sendMessage", "editMessageText", "answerCallbackQuery", "getFile", "getWebhookInfo", "setWebhook")
TELEGRAM = "bot_gateway_telegram_requests_total"
TELEGRAM_FAILS = 'method!="getUpdates",status=~"429|5..|error"'
NOT_POLLING = 'method!="getUpdates"'
RESPONDED = 'status=~"[1-4].."'


def build() -> models.Dashboard:
    """The dashboard `Bot Gateway - Service Integration`."""
    return dashboard(
        SERVICES,
        "The gateway's calls to the Auth, Request, User and Shift backends and to Telegram: which one fails, and how.",
        [
            Row("Is a backend failing?", _health()),
            Row("Which one, and since when?", _compared()),
            Row("Requests by service", [_breakdown()]),
            Row("$service", _one_service(), repeat="service"),
            Row("Telegram", _telegram()),
        ],
    )


def _health() -> list[AnyPanel]:
    return [
        number(
            "Open breakers",
            "Backends with an open or half-open circuit breaker on at least one pod. Their users get an error message.",
            Query(f"sum({worst_pod(BREAKER, 'service_name', where=SERVICE)} > bool 0)"),
            "none",
            thresholds=style.steps((None, colours.OK), (1, colours.CRITICAL)),
            alerts=[alerts.CIRCUIT_BREAKER_OPEN],
            links=[board(REMEDIATION)],
            span=4,
        ),
        number(
            "Successful calls",
            "Ratio of calls with a usable response. 4xx is usable; 5xx, timeouts and lost connections are not.",
            Query(f"{per_second(REQUESTS, match=RESPONDED, where=SERVICE)} / {per_second(REQUESTS, where=SERVICE)}"),
            "percentunit",
            thresholds=style.steps((None, colours.CRITICAL), (0.95, colours.WARNING), (0.99, colours.OK)),
            decimals=1,
            span=4,
        ),
        number(
            "Worst error rate",
            "Errors per second of the backend with the most errors.",
            Query(f"max({per_second(ERRORS, 'service_name', where=SERVICE)})"),
            ERRORS_PER_SECOND,
            alerts=[alerts.HIGH_SERVICE_ERROR_RATE],
            decimals=2,
            span=4,
        ),
        number(
            "Slowest p95",
            "95th percentile of the slowest backend. Calls time out after 15 s.",
            Query(f"max({quantile(0.95, DURATION, 'service_name', where=SERVICE)})"),
            "s",
            alerts=[alerts.SERVICE_REQUEST_TIMEOUT],
            links=[traces(query="&minDuration=2s")],
            span=4,
        ),
        number(
            "Retries",
            "Retried calls per second. Retries hide failures from users while they succeed.",
            Query(per_second(RETRIES, where=SERVICE)),
            "ops",
            thresholds=style.steps((None, colours.OK), (0.5, colours.NOTICE)),
            decimals=2,
            span=4,
        ),
        number(
            "Refused by bulkhead",
            "Calls refused per second because all slots of that backend are in use: the backend is slow.",
            Query(per_second(REFUSED, where=SERVICE)),
            "ops",
            thresholds=style.steps((None, colours.OK), (0.01, colours.WARNING)),
            decimals=2,
            span=4,
        ),
    ]


def _compared() -> list[AnyPanel]:
    return [
        timeline(
            "Circuit breaker states",
            "The worst state of all pods, by backend. Open on every pod: the backend is at fault. Open on one pod:"
            " that pod is at fault, see the breakers by pod below.",
            [Query(worst_pod(f"{BREAKER}", "service_name", where=SERVICE), "{{service_name}}")],
            style.BREAKER_STATES,
            alerts=[alerts.CIRCUIT_BREAKER_OPEN],
            links=[board(REMEDIATION)],
        ),
        rows(
            "Service errors (last 1h)",
            "Calls without a usable response, by backend and kind, most frequent first. `circuit_open` and"
            " `bulkhead_full` are consequences: the other kinds are the causes.",
            [Query(f"{counted(ERRORS, '1h', 'service_name', 'error_type', where=SERVICE)} > 0")],
            [
                Column("service_name", "Service", width=110),
                Column("error_type", "Kind"),
                Column("Value", "Errors", unit="short", width=85),
            ],
            sort_by="Errors",
            no_value="No backend error in the last hour.",
        ),
        graph(
            "Service error rate by service",
            "Errors per second. HighServiceErrorRate uses the average of each backend over five minutes.",
            [Query(per_second(ERRORS, "service_name", where=SERVICE), "{{service_name}}")],
            ERRORS_PER_SECOND,
            alerts=[alerts.HIGH_SERVICE_ERROR_RATE],
            series_colours=colours.SERVICES,
            span=8,
        ),
        graph(
            "Service response time (95th percentile)",
            "95 % of a backend's responses arrive within this time. The dots are exemplars: each links to a trace.",
            [Query(quantile(0.95, DURATION, "service_name", where=SERVICE), "{{service_name}}", exemplars=True)],
            "s",
            alerts=[alerts.SERVICE_REQUEST_TIMEOUT],
            series_colours=colours.SERVICES,
            span=8,
            links=[traces(query="&minDuration=2s")],
        ),
        graph(
            "Service request rate",
            "Attempts per second, with retries, without probes of the breakers. An open breaker reduces them to zero.",
            [Query(per_second(REQUESTS, "service_name", where=SERVICE), "{{service_name}}")],
            "reqps",
            series_colours=colours.SERVICES,
            span=8,
            links=[board(OVERVIEW)],
        ),
        timeline(
            "Circuit breakers by pod",
            "Each pod has its own breaker for each backend. If only one pod is red, the pod is at fault; the operator"
            " replaces it.",
            [Query(short_pod(worst_pod(BREAKER, "service_name", "pod", where=SERVICE)), "{{service_name}} on {{pod}}")],
            style.BREAKER_STATES,
            height=10,
            alerts=[alerts.CIRCUIT_BREAKER_OPEN],
        ),
        timeline(
            "Outliers by pod",
            "A pod that fails to use a backend while most of its peers do not, by failed probes, an open breaker, or"
            " failed and slow calls. The pod is at fault. A failure of many pods shows no outlier.",
            [Query(short_pod(worst_pod(OUTLIER, "service_name", "pod", where=SERVICE)), "{{service_name}} on {{pod}}")],
            style.OUTLIER_STATES,
            height=10,
            alerts=[alerts.BACKEND_OUTLIER],
            links=[board(REMEDIATION)],
        ),
        graph(
            "Time since the last success",
            "Seconds since the pod with the oldest success got a response of the backend. Probes keep it near one"
            " second, also without traffic.",
            [Query(f"time() - min by (service_name) ({series(LAST_SUCCESS, where=SERVICE)})", "{{service_name}}")],
            "s",
            series_colours=colours.SERVICES,
            soft_maximum=10,
            height=10,
        ),
        graph(
            "Retries and refusals",
            "Retried calls, and calls refused because all slots of the backend are in use.",
            [
                Query(f"{per_second(RETRIES, 'service_name', where=SERVICE)} > 0", "{{service_name}}: retried"),
                Query(f"{per_second(REFUSED, 'service_name', where=SERVICE)} > 0", "{{service_name}}: refused"),
            ],
            "ops",
            series_colours={
                **{f"{name}: retried": colour for name, colour in colours.SERVICES.items()},
                **{f"{name}: refused": colours.WARNING for name in colours.SERVICES},
            },
            sparse=True,
            height=10,
            no_value="No retry and no refusal in this time range.",
        ),
    ]


def _breakdown() -> AnyPanel:
    return (
        graph(
            "Requests to $service",
            "Attempts per second by method and status. `error` means that there was no response.",
            [Query(per_second(REQUESTS, "method", "status", where=SERVICE), "{{method}} {{status}}")],
            "reqps",
            stacked=True,
            span=24,
            height=7,
            series_colours=colours.STATUS_PATTERNS,
        )
        .repeat("service")
        .repeat_direction("h")
        .max_per_row(4)
    )


def _one_service() -> list[AnyPanel]:
    return [
        percentiles(
            "$service: response time",
            "Percentiles of this backend's response time. The dots are exemplars: each links to a trace.",
            DURATION,
            where=SERVICE,
            exemplars=True,
            alerts=[alerts.SERVICE_REQUEST_TIMEOUT],
            span=6,
            height=7,
        ),
        graph(
            "$service: errors by kind",
            "Calls without a usable response, stacked. The top edge is the rate that HighServiceErrorRate uses.",
            [Query(f"{per_second(ERRORS, 'error_type', where=SERVICE)} > 0", "{{error_type}}")],
            ERRORS_PER_SECOND,
            alerts=[alerts.HIGH_SERVICE_ERROR_RATE],
            series_colours=colours.SERVICE_ERRORS,
            sparse=True,
            no_value="No error in this time range.",
            span=6,
            height=7,
        ),
        graph(
            "$service: responses by status",
            "Green is 2xx, yellow 4xx, red 5xx or no response.",
            [Query(per_second(REQUESTS, "status", where=SERVICE), "{{status}}")],
            "reqps",
            stacked=True,
            span=6,
            height=7,
            series_colours=colours.STATUS_PATTERNS,
        ),
        timeline(
            "$service: breaker by pod",
            "The state of each pod's breaker for this backend.",
            [Query(short_pod(worst_pod(BREAKER, "pod", where=SERVICE)), "{{pod}}")],
            style.BREAKER_STATES,
            span=6,
            height=7,
        ),
    ]


def _telegram() -> list[AnyPanel]:
    failing = f"({or_zero(per_second(TELEGRAM, match=TELEGRAM_FAILS))}) / {per_second(TELEGRAM, match=NOT_POLLING)}"
    return [
        graph(
            "Telegram calls by status",
            "Calls of the Bot API per second. 429 means that the bot sends too much, 403 that a user has blocked it.",
            [Query(per_second(TELEGRAM, "status"), "{{status}}")],
            "reqps",
            stacked=True,
            span=6,
            series_colours=colours.STATUS_PATTERNS,
        ),
        graph(
            "Failing Telegram calls",
            "Ratio of calls that end with 429, 5xx or no response. TelegramErrors also requires more than five.",
            [Query(failing, "failing")],
            "percentunit",
            alerts=[alerts.TELEGRAM_ERRORS],
            series_colours={"failing": colours.CRITICAL},
            span=6,
        ),
        graph(
            "Telegram response time (95th percentile)",
            "By method. Slow responses of Telegram make the processing of messages slow.",
            [
                Query(
                    quantile(0.95, "bot_gateway_telegram_request_duration_seconds", "method"),
                    "{{method}}",
                    exemplars=True,
                )
            ],
            "s",
            alerts=[alerts.TELEGRAM_SLOW],
            series_colours=colours.identities(*TELEGRAM_METHODS),
            span=6,
        ),
        graph(
            "Waiting time that Telegram requested",
            "Seconds of waiting that 429 responses request, per second.",
            [Query(per_second("bot_gateway_telegram_retry_after_seconds_total"), "waiting")],
            "short",
            series_colours={"waiting": colours.WARNING},
            soft_maximum=1,
            span=6,
        ),
    ]
