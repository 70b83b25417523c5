"""Remediation: what the operator did, what it decided not to do and why, and whether it can act."""

from grafana_foundation_sdk.models import dashboard as models

from boards import colours, operator_panels, style
from boards.frame import Row, dashboard
from boards.links import OVERVIEW, REMEDIATION, SERVICES, board, runbook_named
from boards.panels import AnyPanel, Query, bars, graph, number, timeline
from boards.queries import ACTIVE, OPERATOR, counted, grouped, or_zero, series, short_pod, worst_pod
from boards.tables import Column, rows
from remediator.api.reasons import Reason, Use

ACTED = 'action!="None"'
HELD = f'action="None",reason=~"{"|".join(item.value for item in Reason if item.use in {Use.GATES, Use.REFUSES})}"'
"""Decisions to wait: a result or a phase that is passed is not one."""
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
    "Unproven": colours.NOTICE,
    "NotNeeded": colours.NEUTRAL,
    "DryRun": colours.NEUTRAL,
}

IN_PROGRESS = ("Pending", "Settling", "Gated", "Acting", "Verifying", "Reverting")
"""The phases that are not final, in the order in which a remediation passes through them."""

IN_PHASE = style.words(
    {"0": (" ", "transparent"), **{str(n): (" ", PHASES[phase]) for n, phase in enumerate(IN_PROGRESS, start=1)}}
)


def build() -> models.Dashboard:
    """The dashboard `Bot Gateway - Remediation`."""
    return dashboard(
        REMEDIATION,
        "What the operator did and why, what it decided not to do and why, and whether it is able to act.",
        [
            Row("Can it act, and must a person act?", _health()),
            Row("What is it doing?", _doing()),
            Row("What did it decide, and why?", _decided()),
            Row("How fast is it?", operator_panels.speed()),
            Row("Does it receive alerts?", operator_panels.inputs()),
        ],
        since="now-6h",
    )


def operator(metric: str, match: str = "") -> str:
    """A selector of the operator's metric."""
    return series(metric, match, OPERATOR)


def _health() -> list[AnyPanel]:
    return [
        number(
            "Operator",
            "Whether the operator reconciles. While it is down, alerts reach people, but it repairs nothing.",
            Query(f"max({operator('remediator_up')})"),
            "none",
            thresholds=style.steps((None, colours.CRITICAL), (1, colours.OK)),
            mappings=style.UP_STATES,
            nothing=style.nothing("missing", colours.CRITICAL),
            links=[runbook_named("RemediatorDown")],
        ),
        number(
            "Handed over",
            "Incidents that the operator handed over to people. It does not act on their targets until a person clears"
            " them with the annotation `remediation.bot-gateway.dev/cleared-by`.",
            Query(or_zero(f"sum({operator('remediator_handed_over')})", operator("remediator_up"))),
            "none",
            thresholds=style.steps((None, colours.OK), (1, colours.CRITICAL)),
            links=[runbook_named("RemediationGaveUp")],
        ),
        number(
            "Under way",
            "Incidents that the operator works on or waits for at this moment.",
            Query(or_zero(f"sum({operator('remediator_remediations', ACTIVE)})", operator("remediator_up"))),
            "none",
            thresholds=style.steps((None, colours.OK), (1, colours.NOTICE)),
        ),
        number(
            "Min budget",
            "Remaining actions of the policy that has used most of its budget. At 0 it waits, then hands over.",
            Query(f"min({operator('remediator_budget_remaining')})"),
            "none",
            thresholds=style.steps((None, colours.CRITICAL), (1, colours.NOTICE), (2, colours.OK)),
            nothing=style.nothing("no policy"),
        ),
        number(
            "Actions (24h)",
            "Evictions, restarts, scalings and reverts within the last day, with the simulated ones of dry runs.",
            Query(or_zero(counted("remediator_actions_total", "24h", where=OPERATOR), operator("remediator_up"))),
            "none",
            decimals=0,
        ),
        number(
            "Alertmanager",
            "Time since Alertmanager last responded to a poll. Without it no remediation starts.",
            Query(f"time() - max({operator('remediator_last_success_timestamp_seconds', ALERTMANAGER)})"),
            "s",
            thresholds=style.steps((None, colours.OK), (60, colours.WARNING), (300, colours.CRITICAL)),
            decimals=0,
        ),
        number(
            "Prometheus",
            "Whether Prometheus responded to the last query. While it does not, no alert counts as cleared.",
            Query(f"min({operator('remediator_source_up', PROMETHEUS)})"),
            "none",
            thresholds=style.steps((None, colours.CRITICAL), (1, colours.OK)),
            mappings=style.words({"0": ("down", colours.CRITICAL), "1": ("up", colours.OK)}),
            nothing=style.nothing("not used"),
        ),
        number(
            "Watchdog",
            "Whether the operator has proof that Prometheus works, so that the absence of an alert means health.",
            Query(f"max({operator('remediator_watchdog_up')})"),
            "none",
            thresholds=style.steps((None, colours.CRITICAL), (1, colours.OK)),
            mappings=style.words({"0": ("missing", colours.CRITICAL), "1": ("seen", colours.OK)}),
            links=[runbook_named("RemediatorWatchdogMissing")],
        ),
    ]


def _in_phase(number: int, phase: str) -> str:
    """The phase's number, which has its colour, while a remediation is in that phase, else 0."""
    remediations = operator("remediator_remediations", f'phase="{phase}"')
    return f"{number} * (max({remediations}) > bool 0)"


def _doing() -> list[AnyPanel]:
    return [
        timeline(
            "Phases of the remediations in progress",
            "A remediation passes through Settling, Acting and Verifying to its final phase. Gated: a guard or the"
            " cause gate holds it.",
            [Query(_in_phase(number, phase), phase) for number, phase in enumerate(IN_PROGRESS, start=1)],
            IN_PHASE,
            height=10,
            no_value="No incident in this time range.",
            links=[board(OVERVIEW)],
        ),
        timeline(
            "Circuit breakers of the gateway by pod",
            "The default policy responds to this state. The breakers of a new pod start closed.",
            [
                Query(
                    short_pod(worst_pod("bot_gateway_service_circuit_breaker_state", "service_name", "pod")),
                    "{{service_name}} on {{pod}}",
                )
            ],
            style.BREAKER_STATES,
            height=10,
            links=[board(SERVICES)],
        ),
        graph(
            "Remediations by phase",
            "Number of stored Remediation objects, with the completed ones.",
            [Query(grouped("sum", ("phase",), operator("remediator_remediations")), "{{phase}}")],
            "none",
            series_colours=PHASES,
            stacked=True,
            span=8,
            no_value="No remediation yet.",
        ),
        graph(
            "Actions",
            "Actions by kind and by result at the API server.",
            [
                Query(
                    counted("remediator_actions_total", "$__rate_interval", "action", "result", where=OPERATOR),
                    "{{action}}: {{result}}",
                )
            ],
            "none",
            sparse=True,
            every="5m",
            span=8,
            no_value="No action in this time range.",
        ),
        bars(
            "Remaining budget",
            "Remaining actions of each policy on its target within the window.",
            [
                Query(
                    grouped("min", ("policy", "target", "per"), operator("remediator_budget_remaining")),
                    "{{policy}} on {{target}} in {{per}}",
                )
            ],
            "none",
            renamed=[("/ in 3600s$/", " in an hour"), ("/ in 86400s$/", " in a day")],
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
            "Actions of the operator within the last day, with their reasons.",
            [Query(done)],
            [
                Column("policy", "Policy"),
                Column("action", "Action", width=95),
                Column("reason", "Reason", width=130),
                Column("Value", "Times", unit="short", width=65),
            ],
            sort_by="Times",
            span=8,
            height=10,
            no_value="No decision to act within the last day.",
        ),
        rows(
            "Decisions not to act (24h)",
            "Why the operator waited or held. `python -m remediator explain rem/NAME` prints every decision of one"
            " remediation.",
            [Query(held)],
            [Column("policy", "Policy"), Column("reason", "Reason"), Column("Value", "Times", unit="short", width=70)],
            sort_by="Times",
            span=8,
            height=10,
            no_value="Nothing was held within the last day.",
        ),
        rows(
            "Ignored alerts (24h)",
            "Alerts that matched a policy but started no remediation, by reason.",
            [Query(f"{counted('remediator_alerts_ignored_total', '24h', 'policy', 'reason', where=OPERATOR)} > 0")],
            [Column("policy", "Policy"), Column("reason", "Reason"), Column("Value", "Times", unit="short", width=70)],
            sort_by="Times",
            span=8,
            height=10,
            no_value="No alert was ignored.",
        ),
    ]
