"""Panels on the operator itself: its latency, the alerts that it receives, the requests that it refuses."""

from boards import colours, style
from boards.links import runbook_named
from boards.panels import ERRORS_PER_SECOND, AnyPanel, Query, bars, graph, timeline
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
"""The stages of a repair in their order, with their labels in the panels."""


def _observed(stage: str) -> str:
    return within(STAGE + "_bucket", "$__range", "le", match=f'stage="{stage}"', where=OPERATOR)


def _latency(title: str, q: float, description: str) -> AnyPanel:
    return bars(
        title,
        description,
        # The comparison drops the NaN of a stage without observations.
        [Query(f"histogram_quantile({q}, {_observed(stage)}) >= 0", words) for stage, words in REPAIR_STAGES.items()],
        "s",
        span=8,
        no_value="No incident in this time range.",
    )


def speed() -> list[AnyPanel]:
    """How long the stages of a repair take."""
    return [
        _latency("Latency by stage (median of the time shown)", 0.5, "The typical duration of each stage of a repair."),
        _latency(
            "Latency by stage (95th percentile of the time shown)",
            0.95,
            "The slowest durations of the same stages. The targets for webhook → intent and for intent → accepted (by"
            " the API server) are under 500 ms.",
        ),
        graph(
            "Reconcile duration",
            "One reconciliation of one target: observe, decide, write, act.",
            [
                Query(quantile(0.95, "remediator_reconcile_duration_seconds", where=OPERATOR), "p95"),
                Query(quantile(0.5, "remediator_reconcile_duration_seconds", where=OPERATOR), "p50"),
            ],
            "s",
            series_colours=colours.PERCENTILES,
            span=8,
        ),
    ]


def inputs() -> list[AnyPanel]:
    """Alerts that reach the operator, its sources, and refused requests."""
    refused = per_second("remediator_webhook_requests_total", "status", match='status!="200"', where=OPERATOR)
    failed = per_second("remediator_reconcile_errors_total", "kind", where=OPERATOR)
    return [
        graph(
            "Alerts received",
            "By channel. Alertmanager's webhook triggers the operator; the poll finds alerts that a webhook missed.",
            [Query(per_second("remediator_alerts_received_total", "via", where=OPERATOR), "{{via}}")],
            "ops",
            series_colours=colours.identities("webhook", "poll"),
            span=8,
            links=[runbook_named("RemediatorWebhookSilent")],
        ),
        timeline(
            "Sources",
            "Whether each source responds. A lost source is never treated as recovery.",
            [Query(grouped("min", ("source",), series("remediator_source_up", where=OPERATOR)), "{{source}}")],
            style.UP_STATES,
            span=8,
            links=[runbook_named("RemediatorCannotReachAlertmanager")],
        ),
        graph(
            "Refused webhooks and failed reconciliations",
            "401 is a wrong token. 503 means that an alert could not be stored; Alertmanager will repeat it.",
            [
                Query(f"{refused} > 0", "webhook {{status}}"),
                Query(f"{failed} > 0", "reconciliation: {{kind}}"),
            ],
            ERRORS_PER_SECOND,
            series_colours={"webhook 401": colours.NOTICE, "webhook 503": colours.WARNING},
            sparse=True,
            no_value="No webhook was refused and no reconciliation failed in this time range.",
            span=8,
        ),
        graph(
            "Age of the evidence",
            "How old the oldest reading of a decision was: the scrape of a pod, the evaluation of a rule, the poll of"
            " Alertmanager. A breaker state that is older than two minutes counts as not known.",
            [
                Query(
                    grouped("max", ("evidence",), series("remediator_evidence_age_seconds", where=OPERATOR)),
                    "{{evidence}}",
                )
            ],
            "s",
            span=24,
        ),
    ]
