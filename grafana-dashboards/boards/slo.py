"""SLO: how much of the month's error budget remains, the burn rate, and its causes.

Reads the recording rules of the chart (`charts/bot-gateway/rules`), which the burn-rate alerts also use.
"""

from grafana_foundation_sdk.models import dashboard as models

from boards import colours, style
from boards.families import OUTCOMES_METRIC, outcomes
from boards.frame import Row, dashboard, recorded_label
from boards.links import OVERVIEW, SERVICES, SLO, board, runbook_named, traces
from boards.panels import AnyPanel, Query, graph, number
from boards.queries import GATEWAY, PODS, counted, per_second, series
from boards.tables import Column, rows

FAST_BURN = 14.4
SLOW_BURN = 6
WINDOWS = ("5m", "1h", "6h", "3d")
FAILING = "namespace_job:bot_gateway_update_errors:ratio_rate"
SLOW = "namespace_job:bot_gateway_slow_updates:ratio_rate"
FAILING_LEFT = "namespace_job:bot_gateway_update_error_budget:remaining_ratio"
SLOW_LEFT = "namespace_job:bot_gateway_slow_update_budget:remaining_ratio"
WINDOW_COLOURS = {"5m": "#A6C8FF", "1h": "#3274D9", "6h": "#8F5BD0", "3d": "#5C3B8C"}
FAILING_ALLOWED = "namespace_job:bot_gateway_update_error_budget:allowed_ratio"
SLOW_ALLOWED = "namespace_job:bot_gateway_slow_update_budget:allowed_ratio"
BUDGET = style.steps((None, colours.CRITICAL), (0.1, colours.WARNING), (0.5, colours.OK))
BURN = style.steps((None, colours.OK), (1, colours.NOTICE), (SLOW_BURN, colours.WARNING), (FAST_BURN, colours.CRITICAL))


def build() -> models.Dashboard:
    """The dashboard `Bot Gateway - SLO`."""
    return dashboard(
        SLO,
        "The objectives for updates that do not fail and for updates that are fast, over 30 days. How much of the error"
        " budget remains, how high is the burn rate, and why?",
        [
            Row("Do updates succeed?", _success()),
            Row("Are updates fast?", _speed()),
            Row("How high is the burn rate?", _burning()),
            Row("What uses the budget?", _causes()),
        ],
        since="now-24h",
        variables=[
            recorded_label("success_objective", FAILING_ALLOWED, "objective"),
            recorded_label("latency_objective", SLOW_ALLOWED, "objective"),
            recorded_label("latency_bound", SLOW_ALLOWED, "bound"),
        ],
    )


def recorded(rule: str) -> str:
    """A recorded series of the gateway; there is one for all pods."""
    return f"max({series(rule, where=GATEWAY)})"


def burn_rate(rule: str, allowed: str) -> str:
    """How many times faster than allowed the budget is used."""
    return f"{recorded(rule)} / {recorded(allowed)}"


def _objective(what: str, description: str, rule: str, left: str, allowed: str, alert: str) -> list[AnyPanel]:
    """Four numbers on one objective: the ratio, the remaining budget, the burn rates."""
    links = [runbook_named(alert)]
    return [
        number(
            what,
            description,
            Query(f"1 - {recorded(rule + '30d')}"),
            "percentunit",
            # Thresholds are fixed numbers, but the objective is a value of the chart: the next panel shows the health.
            decimals=3,
            links=links,
            span=6,
        ),
        number(
            "Remaining error budget",
            "Ratio of the failures allowed within 30 days that remains. Below zero the objective is missed.",
            Query(recorded(left)),
            "percentunit",
            thresholds=BUDGET,
            decimals=1,
            links=links,
            span=6,
        ),
        number(
            "Burn rate now (1h)",
            "At 1 the budget lasts exactly 30 days, at 14.4 two days. The alert fires above 14.4.",
            Query(burn_rate(rule + "1h", allowed)),
            "none",
            thresholds=BURN,
            decimals=1,
            links=links,
            span=6,
        ),
        number(
            "Burn rate today (6h)",
            "The same over six hours, which shows a slow burn first.",
            Query(burn_rate(rule + "6h", allowed)),
            "none",
            thresholds=BURN,
            decimals=1,
            links=links,
            span=6,
        ),
    ]


def _success() -> list[AnyPanel]:
    description = "The objective is $success_objective %. Invalid and unauthorized requests do not count."
    alert = "UpdateSuccessBudgetBurn"
    return _objective("Updates that did not fail (30d)", description, FAILING, FAILING_LEFT, FAILING_ALLOWED, alert)


def _speed() -> list[AnyPanel]:
    what = "Updates handled within $latency_bound s (30d)"
    description = "The objective is $latency_objective %, from the arrival of an update to the end of its handling."
    return _objective(what, description, SLOW, SLOW_LEFT, SLOW_ALLOWED, "UpdateLatencyBudgetBurn")


def _burning() -> list[AnyPanel]:
    reading = (
        "How many times faster than allowed the budget is used, by window. The alerts fire if 1h and 5m are both over"
        " 14.4, or 6h and 30m both over 6 (the lines)."
    )
    return [
        _burn_graph("Burn rate: updates that fail", reading, FAILING, FAILING_ALLOWED, "UpdateSuccessBudgetBurn"),
        _burn_graph("Burn rate: updates that are slow", reading, SLOW, SLOW_ALLOWED, "UpdateLatencyBudgetBurn"),
        graph(
            "Remaining budget",
            "Of the 30 days before each moment. A sudden drop is an incident; a slope is a continuous failure.",
            [
                Query(recorded(FAILING_LEFT), "updates that do not fail"),
                Query(recorded(SLOW_LEFT), "updates that are fast"),
            ],
            "percentunit",
            span=24,
            maximum=1,
            series_colours={"updates that do not fail": "#3274D9", "updates that are fast": "#B877D9"},
            minimum=None,
        ),
    ]


def _burn_graph(title: str, description: str, rule: str, allowed: str, alert: str) -> AnyPanel:
    return graph(
        title,
        description,
        [Query(burn_rate(rule + window, allowed), window) for window in WINDOWS],
        "none",
        series_colours=WINDOW_COLOURS,
        links=[runbook_named(alert)],
        soft_maximum=1.2 * FAST_BURN,
        drawn=style.steps((None, "transparent"), (SLOW_BURN, colours.WARNING), (FAST_BURN, colours.CRITICAL)),
    )


def _causes() -> list[AnyPanel]:
    covered = 'outcome=~"handled|degraded|failed|overloaded|unavailable"'
    bad = 'outcome=~"degraded|failed|overloaded|unavailable"'
    duration = "bot_gateway_message_processing_duration_seconds"
    fast = 'le="$latency_bound"'
    return [
        outcomes(
            "Updates counted",
            "The updates that the objective covers, by outcome, stacked.",
            board(OVERVIEW),
            match=covered,
        ),
        graph(
            "Slow updates",
            "Updates per second that took longer than $latency_bound s.",
            [
                Query(
                    f"{per_second(duration + '_count')} - {per_second(duration + '_bucket', match=fast)}",
                    "slow updates",
                )
            ],
            "reqps",
            series_colours={"slow updates": colours.WARNING},
            soft_maximum=1,
            span=8,
            links=[board(SERVICES), traces(query="&minDuration=2s")],
        ),
        rows(
            "Failures in the selected time range, by pod",
            "Failed updates by pod. If only one pod has them, the pod is at fault; if all have, they share a cause.",
            [Query(f"{counted(OUTCOMES_METRIC, '$__range', 'pod', 'outcome', match=bad, where=PODS)} > 0")],
            [
                Column("pod", "Pod"),
                Column("outcome", "Outcome", width=100),
                Column("Value", "Updates", unit="short", width=85),
            ],
            sort_by="Updates",
            span=8,
            no_value="No update failed in the selected time range.",
        ),
    ]
