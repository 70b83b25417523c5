"""Panels on the operator itself: how fast it is, what it hears, what it refuses."""

from boards import colours, style
from boards.links import runbook_named
from boards.panels import ERRORS_A_SECOND, AnyPanel, Query, bars, graph, timeline
from boards.queries import OPERATOR, grouped, per_second, quantile, series, within

STAGE = "remediator_stage_duration_seconds"
REPAIR_STAGES = {
    "alert_to_webhook": "alert → webhook",
    "webhook_to_intent": "webhook → intent",
    "settled_to_intent": "settled → intent",
    "settled_to_accepted": "settled → accepted",
    "intent_to_accepted": "intent → accepted",
    "accepted_to_ready": "accepted → ready",
    "accepted_to_cleared": "accepted → cleared",
    "alert_to_recovered": "alert → recovered",
}
"""The moments of an incident in their order, in words."""


def _observed(stage: str) -> str:
    return within(STAGE + "_bucket", "$__range", "le", match=f'stage="{stage}"', where=OPERATOR)


def _latency(title: str, q: float, description: str) -> AnyPanel:
    return bars(
        title,
        description,
        # The comparison drops the NaN of a stage that no incident went through.
        [Query(f"histogram_quantile({q}, {_observed(stage)}) >= 0", words) for stage, words in REPAIR_STAGES.items()],
        "s",
        span=8,
        no_value="No incident in this time.",
    )


def speed() -> list[AnyPanel]:
    """How long an incident stays in each of its stages."""
    return [
        _latency("Latency by stage (median of the time shown)", 0.5, "The typical time between two of its moments."),
        _latency(
            "Latency by stage (95th percentile of the time shown)",
            0.95,
            "The slow end of the same stages. From the webhook to the intent, and from the intent to the API server's"
            " answer, the aim is under 500 ms.",
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


def senses() -> list[AnyPanel]:
    """What reaches the operator, and what it refuses."""
    refused = per_second("remediator_webhook_requests_total", "status", match='status!="200"', where=OPERATOR)
    failed = per_second("remediator_reconcile_errors_total", "kind", where=OPERATOR)
    return [
        graph(
            "Alerts received",
            "By way in. Alertmanager's webhook wakes the operator; the poll finds what a webhook missed.",
            [Query(per_second("remediator_alerts_received_total", "via", where=OPERATOR), "{{via}}")],
            "ops",
            series_colours=colours.identities("webhook", "poll"),
            span=8,
            links=[runbook_named("RemediatorWebhookSilent")],
        ),
        timeline(
            "Sources",
            "Whether each source answers. A lost source is never taken for recovery.",
            [Query(grouped("min", ("source",), series("remediator_source_up", where=OPERATOR)), "{{source}}")],
            style.UP_STATES,
            span=8,
            links=[runbook_named("RemediatorCannotReachAlertmanager")],
        ),
        graph(
            "Refused webhooks and failed rounds",
            "401 is a wrong token, 503 means that an alert could not be persisted and Alertmanager will repeat it.",
            [
                Query(f"{refused} > 0", "webhook {{status}}"),
                Query(f"{failed} > 0", "round: {{kind}}"),
            ],
            ERRORS_A_SECOND,
            series_colours={"webhook 401": colours.NOTICE, "webhook 503": colours.WARNING},
            sparse=True,
            no_value="Nothing was refused and no round failed in this time.",
            span=8,
        ),
    ]
