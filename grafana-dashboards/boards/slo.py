"""SLO: how much of the month's error budget is left, how fast it burns, and what burns it.

Reads the recording rules of the chart (`charts/bot-gateway/rules`), the same that the burn-rate alerts compare.
"""

from grafana_foundation_sdk.models import dashboard as models

from boards import colours, style
from boards.families import OUTCOMES_METRIC, outcomes
from boards.frame import Row, dashboard
from boards.links import OVERVIEW, SERVICES, SLO, board, runbook_named, traces
from boards.panels import AnyPanel, Query, graph, number
from boards.queries import GATEWAY, PODS, counted, per_second, series
from boards.tables import Column, rows

SUCCESS_OBJECTIVE = 99.9
"""Percent of the updates that must not fail; the chart's `slo.success.objective` (tested)."""

LATENCY_OBJECTIVE = 99
"""Percent of the updates that must be answered within `LATENCY_BOUND`; the chart's `slo.latency.objective` (tested)."""

LATENCY_BOUND = "2.0"
"""Seconds, as the histogram writes them; the chart's `slo.latency.bound` (tested)."""

FAST_BURN = 14.4
SLOW_BURN = 6
WINDOWS = ("5m", "1h", "6h", "3d")
FAILING = "namespace_job:bot_gateway_update_errors:ratio_rate"
SLOW = "namespace_job:bot_gateway_slow_updates:ratio_rate"
FAILING_LEFT = "namespace_job:bot_gateway_update_error_budget:remaining_ratio"
SLOW_LEFT = "namespace_job:bot_gateway_slow_update_budget:remaining_ratio"
WINDOW_COLOURS = {"5m": "#A6C8FF", "1h": "#3274D9", "6h": "#8F5BD0", "3d": "#5C3B8C"}
BUDGET = style.steps((None, colours.CRITICAL), (0.1, colours.WARNING), (0.5, colours.OK))
BURN = style.steps((None, colours.OK), (1, colours.NOTICE), (SLOW_BURN, colours.WARNING), (FAST_BURN, colours.CRITICAL))


def build() -> models.Dashboard:
    """The dashboard `Bot Gateway - SLO`."""
    return dashboard(
        SLO,
        f"Promises over 30 days: {SUCCESS_OBJECTIVE} % of the updates do not fail, {LATENCY_OBJECTIVE} % are answered"
        f" within {float(LATENCY_BOUND):g} s. How much of the budget is left, how fast does it burn, and by what?",
        [
            Row("Are updates answered?", _success()),
            Row("Are they answered fast?", _speed()),
            Row("How fast does the budget burn?", _burning()),
            Row("What burns it?", _causes()),
        ],
        since="now-24h",
    )


def recorded(rule: str) -> str:
    """A recorded series of the gateway, which is one for all pods."""
    return f"max({series(rule, where=GATEWAY)})"


def burn_rate(rule: str, objective: float) -> str:
    """How many times faster than allowed the budget is used up."""
    return f"{recorded(rule)} / {round(1 - objective / 100, 8)}"


def _promise(what: str, description: str, rule: str, left: str, objective: float, alert: str) -> list[AnyPanel]:
    """Four numbers on one promise: kept or not, what is left, how fast it goes."""
    links = [runbook_named(alert)]
    return [
        number(
            what,
            description,
            Query(f"1 - {recorded(rule + '30d')}"),
            "percentunit",
            thresholds=style.steps((None, colours.CRITICAL), (objective / 100, colours.OK)),
            decimals=3,
            links=links,
            span=6,
        ),
        number(
            "Error budget left",
            "Share of what may still go wrong within 30 days. Below zero the promise is broken.",
            Query(recorded(left)),
            "percentunit",
            thresholds=BUDGET,
            decimals=1,
            links=links,
            span=6,
        ),
        number(
            "Burn rate now (1h)",
            "1 uses the budget up in exactly 30 days, 14.4 in two days: then a person is woken.",
            Query(burn_rate(rule + "1h", objective)),
            "none",
            thresholds=BURN,
            decimals=1,
            links=links,
            span=6,
        ),
        number(
            "Burn rate today (6h)",
            "The same over six hours: a slow burn shows here first.",
            Query(burn_rate(rule + "6h", objective)),
            "none",
            thresholds=BURN,
            decimals=1,
            links=links,
            span=6,
        ),
    ]


def _success() -> list[AnyPanel]:
    description = f"The promise is {SUCCESS_OBJECTIVE} %. Invalid posts and strangers are not counted."
    alert = "UpdateSuccessBudgetBurn"
    return _promise("Updates that did not fail (30d)", description, FAILING, FAILING_LEFT, SUCCESS_OBJECTIVE, alert)


def _speed() -> list[AnyPanel]:
    what = f"Updates answered within {float(LATENCY_BOUND):g} s (30d)"
    description = f"The promise is {LATENCY_OBJECTIVE} %, from the arrival of an update to the end of its handling."
    return _promise(what, description, SLOW, SLOW_LEFT, LATENCY_OBJECTIVE, "UpdateLatencyBudgetBurn")


def _burning() -> list[AnyPanel]:
    reading = (
        "Times faster than the budget allows, by window. The alerts fire when 1h and 5m are both over 14.4, or 6h and"
        " 30m both over 6 (the lines)."
    )
    return [
        _burn_graph("Burn rate: updates that fail", reading, FAILING, SUCCESS_OBJECTIVE, "UpdateSuccessBudgetBurn"),
        _burn_graph("Burn rate: updates that are slow", reading, SLOW, LATENCY_OBJECTIVE, "UpdateLatencyBudgetBurn"),
        graph(
            "Budget left",
            "Over the last 30 days, at each moment. A cliff is an incident; a slope is a fault that nobody mended.",
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


def _burn_graph(title: str, description: str, rule: str, objective: float, alert: str) -> AnyPanel:
    return graph(
        title,
        description,
        [Query(burn_rate(rule + window, objective), window) for window in WINDOWS],
        "none",
        series_colours=WINDOW_COLOURS,
        links=[runbook_named(alert)],
        soft_maximum=1.2 * FAST_BURN,
        drawn=style.steps((None, "transparent"), (SLOW_BURN, colours.WARNING), (FAST_BURN, colours.CRITICAL)),
    )


def _causes() -> list[AnyPanel]:
    promised = 'outcome=~"handled|failed|overloaded|unavailable"'
    bad = 'outcome=~"failed|overloaded|unavailable"'
    duration = "bot_gateway_message_processing_duration_seconds"
    fast = f'le="{LATENCY_BOUND}"'
    return [
        outcomes(
            "Updates counted",
            "The updates that the promise is about, by outcome, stacked.",
            board(OVERVIEW),
            match=promised,
        ),
        graph(
            "Slow updates",
            f"Updates per second that took longer than {float(LATENCY_BOUND):g} s.",
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
            "Failures in the time shown, by pod",
            "Where the failed updates happened. One pod alone is sick; all alike share a cause.",
            [Query(f"{counted(OUTCOMES_METRIC, '$__range', 'pod', 'outcome', match=bad, where=PODS)} > 0")],
            [
                Column("pod", "Pod"),
                Column("outcome", "Outcome", width=100),
                Column("Value", "Updates", unit="short", width=85),
            ],
            sort_by="Updates",
            span=8,
            no_value="No update failed in the time shown.",
        ),
    ]
