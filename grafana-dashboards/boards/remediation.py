"""Remediation: what the operator did, what it decided not to do and why, and whether it can act at all."""

from grafana_foundation_sdk.models import dashboard as models

from boards import colours, style
from boards.frame import Row, dashboard
from boards.links import OVERVIEW, REMEDIATION, SERVICES, Link, board
from boards.panels import AnyPanel, Column, Query, bars, graph, number, rows, timeline
from boards.queries import ACTIVE, OPERATOR, counted, grouped, or_zero, per_second, quantile, series, within, worst_pod

STAGE = "remediator_stage_duration_seconds"
ACTED = 'action!="None"'
HELD = 'action="None"'
HANDED_OVER = 'phase="HandedOver"'
ALERTMANAGER = 'source="alertmanager"'
PROMETHEUS = 'source="prometheus"'
PHASES = {
    "Settling": "#8AB8FF",
    "Gated": colours.NOTICE,
    "Acting": "#B877D9",
    "Verifying": "#3274D9",
    "Reverting": "#F28FB1",
    "Pending": colours.NEUTRAL,
    "HandedOver": colours.CRITICAL,
    "Failed": colours.CRITICAL,
    "Succeeded": colours.OK,
    "NotNeeded": colours.NEUTRAL,
    "DryRun": colours.NEUTRAL,
}


def build() -> models.Dashboard:
    """The dashboard `Bot Gateway - Remediation`."""
    return dashboard(
        REMEDIATION,
        "What the operator did and why, what it decided not to do and why, and whether it is able to act.",
        [
            Row("Can it act, and does a person have to?", _health()),
            Row("What is it doing?", _doing()),
            Row("What did it decide, and why?", _decided()),
            Row("How fast is it?", _speed()),
            Row("Does it hear and see?", _senses()),
        ],
        since="now-6h",
    )


def operator(metric: str, match: str = "") -> str:
    """A selector of the operator's metric."""
    return series(metric, match, OPERATOR)


def _runbook(name: str) -> Link:
    return Link(f"Runbook: {name}", f"${{runbooks}}/{name}.md")


def _health() -> list[AnyPanel]:
    return [
        number(
            "Operator",
            "Whether the operator reconciles. While it is down, alerts still reach people and nothing repairs itself.",
            Query(f"max({operator('remediator_up')})"),
            "none",
            thresholds=style.steps((None, colours.CRITICAL), (1, colours.OK)),
            mappings=style.UP_STATES,
            links=[_runbook("RemediatorDown")],
        ),
        number(
            "Handed over",
            "Incidents that the operator gave up: it leaves their target alone until a person clears them with the"
            " annotation `remediation.bot-gateway.dev/cleared-by`.",
            Query(or_zero(f"sum({operator('remediator_remediations', HANDED_OVER)})", operator("remediator_up"))),
            "none",
            thresholds=style.steps((None, colours.OK), (1, colours.CRITICAL)),
            links=[_runbook("RemediationGaveUp")],
        ),
        number(
            "Under way",
            "Incidents that the operator works on or waits for at this moment.",
            Query(or_zero(f"sum({operator('remediator_remediations', ACTIVE)})", operator("remediator_up"))),
            "none",
            thresholds=style.steps((None, colours.OK), (1, colours.NOTICE)),
        ),
        number(
            "Smallest budget left",
            "Actions that the most used policy may still take within its window. At 0 it waits, then hands over.",
            Query(f"min({operator('remediator_budget_remaining')})"),
            "none",
            thresholds=style.steps((None, colours.CRITICAL), (1, colours.NOTICE), (2, colours.OK)),
            no_value="no policy",
        ),
        number(
            "Actions (24h)",
            "Evictions, restarts, scalings and reverts tried within the last day, with those of a dry run's ledger.",
            Query(or_zero(counted("remediator_actions_total", "24h", where=OPERATOR), operator("remediator_up"))),
            "none",
            decimals=0,
        ),
        number(
            "Alertmanager heard",
            "Time since Alertmanager last answered a poll. Without it nothing new is started.",
            Query(f"time() - max({operator('remediator_last_success_timestamp_seconds', ALERTMANAGER)})"),
            "s",
            thresholds=style.steps((None, colours.OK), (60, colours.WARNING), (300, colours.CRITICAL)),
            links=[_runbook("RemediatorCannotReachAlertmanager")],
            decimals=0,
        ),
        number(
            "Prometheus heard",
            "Time since Prometheus last answered. Without it no alert counts as cleared.",
            Query(f"time() - max({operator('remediator_last_success_timestamp_seconds', PROMETHEUS)})"),
            "s",
            thresholds=style.steps((None, colours.OK), (60, colours.WARNING), (300, colours.CRITICAL)),
            decimals=0,
        ),
        number(
            "Watchdog",
            "Whether the operator has proof that Prometheus lives, so that the silence of an alert means health.",
            Query(f"max({operator('remediator_watchdog_up')})"),
            "none",
            thresholds=style.steps((None, colours.CRITICAL), (1, colours.OK)),
            mappings=style.words({"0": ("missing", colours.CRITICAL), "1": ("seen", colours.OK)}),
            links=[_runbook("RemediatorWatchdogMissing")],
        ),
    ]


def _doing() -> list[AnyPanel]:
    return [
        timeline(
            "Phases of the incidents under way",
            "One row a policy and phase; an incident walks from Settling over Acting and Verifying to its end."
            " Gated means that a guard or the cause gate holds it back.",
            [
                Query(
                    f"{grouped('max', ('policy', 'phase'), operator('remediator_remediations', ACTIVE))} > bool 0",
                    "{{policy}}: {{phase}}",
                )
            ],
            style.words({"0": ("–", "transparent"), "1": ("yes", "#3274D9")}),
            no_value="No incident in this time.",
            links=[board(OVERVIEW)],
        ),
        timeline(
            "Circuit breakers of the gateway by pod",
            "What the default policy watches. A pod that is replaced disappears and a fresh one begins closed.",
            [
                Query(
                    worst_pod("bot_gateway_service_circuit_breaker_state", "service_name", "pod"),
                    "{{service_name}} on {{pod}}",
                )
            ],
            style.BREAKER_STATES,
            links=[board(SERVICES)],
        ),
        graph(
            "Remediations by phase",
            "All Remediation objects that are kept, also the finished ones: the audit log in numbers.",
            [Query(grouped("sum", ("phase",), operator("remediator_remediations")), "{{phase}}")],
            "none",
            series_colours=PHASES,
            stacked=True,
            span=8,
            no_value="No remediation yet.",
        ),
        graph(
            "Actions",
            "Actions tried, by kind and by what the API server made of them.",
            [
                Query(
                    counted("remediator_actions_total", "$__rate_interval", "action", "result", where=OPERATOR),
                    "{{action}}: {{result}}",
                )
            ],
            "none",
            stacked=True,
            span=8,
            no_value="No action in this time.",
        ),
        bars(
            "Budget left",
            "Actions that each policy may still take on its target within the window.",
            [
                Query(
                    grouped("min", ("policy", "target", "per"), operator("remediator_budget_remaining")),
                    "{{policy}} on {{target}}, per {{per}}",
                )
            ],
            "none",
            thresholds=style.steps((None, colours.CRITICAL), (1, colours.NOTICE), (2, colours.OK)),
            no_value="no policy",
        ),
    ]


def _decided() -> list[AnyPanel]:
    held = f"{counted('remediator_decisions_total', '24h', 'policy', 'reason', match=HELD, where=OPERATOR)} > 0"
    done = (
        f"{counted('remediator_decisions_total', '24h', 'policy', 'action', 'reason', match=ACTED, where=OPERATOR)} > 0"
    )
    return [
        rows(
            "Decisions to act (24h)",
            "What the operator did within the last day and the reason that it gave.",
            [Query(done)],
            [
                Column("policy", "Policy"),
                Column("action", "Action"),
                Column("reason", "Reason"),
                Column("Value", "Times", unit="short"),
            ],
            sort_by="Times",
            span=8,
            no_value="It did not have to act within a day.",
        ),
        rows(
            "Decisions not to act (24h)",
            "Why it waited or held back. `kubectl explain rem` and `python -m remediator explain rem/NAME` tell one"
            " incident's story in words.",
            [Query(held)],
            [Column("policy", "Policy"), Column("reason", "Reason"), Column("Value", "Times", unit="short")],
            sort_by="Times",
            span=8,
            no_value="It held nothing back within a day.",
        ),
        rows(
            "Alerts not taken (24h)",
            "Alerts that matched a policy and started nothing, by reason.",
            [Query(f"{counted('remediator_alerts_ignored_total', '24h', 'policy', 'reason', where=OPERATOR)} > 0")],
            [Column("policy", "Policy"), Column("reason", "Reason"), Column("Value", "Times", unit="short")],
            sort_by="Times",
            span=8,
            no_value="Every alert was taken.",
        ),
    ]


def _speed() -> list[AnyPanel]:
    return [
        bars(
            "Latency by stage (median of the time shown)",
            "How long an incident stays between two of its moments. From the webhook to the intent and from the intent"
            " to the API server's answer the aim is a p95 under 500 ms.",
            [
                Query(
                    f"histogram_quantile(0.5, {within(STAGE + '_bucket', '$__range', 'stage', 'le', where=OPERATOR)})",
                    "{{stage}}",
                )
            ],
            "s",
            span=8,
            no_value="No incident in this time.",
        ),
        bars(
            "Latency by stage (95th percentile of the time shown)",
            "The slow end of the same stages.",
            [
                Query(
                    f"histogram_quantile(0.95, {within(STAGE + '_bucket', '$__range', 'stage', 'le', where=OPERATOR)})",
                    "{{stage}}",
                )
            ],
            "s",
            span=8,
            no_value="No incident in this time.",
        ),
        graph(
            "Reconcile duration",
            "One round of observing, deciding, writing and acting for one target.",
            [
                Query(quantile(0.95, "remediator_reconcile_duration_seconds", where=OPERATOR), "p95"),
                Query(quantile(0.5, "remediator_reconcile_duration_seconds", where=OPERATOR), "p50"),
            ],
            "s",
            series_colours=colours.PERCENTILES,
            span=8,
        ),
    ]


def _senses() -> list[AnyPanel]:
    return [
        graph(
            "Alerts received",
            "By way in. Alertmanager's webhook wakes the operator; the poll finds what a webhook missed.",
            [Query(per_second("remediator_alerts_received_total", "via", where=OPERATOR), "{{via}}")],
            "ops",
            span=8,
            links=[_runbook("RemediatorWebhookSilent")],
        ),
        timeline(
            "Sources",
            "Whether each source answers. A lost source is never taken for recovery.",
            [Query(grouped("min", ("source",), operator("remediator_source_up")), "{{source}}")],
            style.UP_STATES,
            span=8,
        ),
        graph(
            "Refused webhooks and failed rounds",
            "401 is a wrong token, 503 means that an alert could not be persisted and Alertmanager will repeat it.",
            [
                Query(
                    per_second("remediator_webhook_requests_total", "status", match='status!="200"', where=OPERATOR),
                    "webhook {{status}}",
                ),
                Query(per_second("remediator_reconcile_errors_total", "kind", where=OPERATOR), "round: {{kind}}"),
            ],
            "errps",
            span=8,
        ),
    ]
