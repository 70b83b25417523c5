"""Cases of the burn-rate alerts: they fire on a high burn rate, stop soon after it, and stay silent on a short peak.

Their messages give the ratio of the long window.
"""

from __future__ import annotations

from typing import Any

from rules import series
from rules.promtool import JOB, Case, selector
from rules.series import Pace

REQUESTS = "bot_gateway_webhook_requests_total"
DURATION = "bot_gateway_message_processing_duration_seconds"
MINUTE, HOUR = 60, 3600


def counter(*paces: Pace) -> str:
    """A counter with one sample per minute, because the cases last for hours."""
    return series.counter(*paces, interval=MINUTE)


def case(alert: str, name: str, series_values: dict[str, str], firing: dict[int, int], **more: Any) -> Case:
    return Case(alert, name, series_values, firing, interval=MINUTE, **more)


def updates(*phases: tuple[float, float, int]) -> dict[str, str]:
    """Updates handled and failed; a phase is (handled per second, failed per second, seconds)."""
    return {
        selector(REQUESTS, outcome="handled"): counter(*(Pace(good, seconds) for good, _, seconds in phases)),
        selector(REQUESTS, outcome="failed"): counter(*(Pace(bad, seconds) for _, bad, seconds in phases)),
        selector(REQUESTS, outcome="unavailable"): counter(*(Pace(0, seconds) for _, _, seconds in phases)),
    }


def durations(*phases: tuple[float, float, int]) -> dict[str, str]:
    """Updates fast and slow; a phase is (fast per second, slow per second, seconds)."""
    total = counter(*(Pace(fast + slow, seconds) for fast, slow, seconds in phases))
    return {
        selector(f"{DURATION}_bucket", le="2.0"): counter(*(Pace(fast, seconds) for fast, _, seconds in phases)),
        selector(f"{DURATION}_bucket", le="+Inf"): total,
        selector(f"{DURATION}_count"): total,
    }


CASES: tuple[Case, ...] = (
    case(
        "UpdateSuccessBudgetBurn", "fires on a fast burn and stops soon after it",
        updates((10, 0, 2 * HOUR), (9, 1, 20 * MINUTE), (10, 0, 2 * HOUR)),
        {
            2 * HOUR: 0,
            2 * HOUR + 5 * MINUTE: 0,
            2 * HOUR + 18 * MINUTE: 1,
            2 * HOUR + 53 * MINUTE: 0,
            3 * HOUR: 0,
        },
    ),
    case(
        "UpdateSuccessBudgetBurn", "fires when a tenth always fails",
        updates((9, 1, 2 * HOUR)),
        {10 * MINUTE: 1},
        message="10% of the updates failed over the last 1 to 6 hours, and updates still fail; the objective is "
        "99.9 %. Check which outcome grows, and stop rollouts.",
        labels={"job": JOB},
    ),
    case(
        "UpdateSuccessBudgetBurn", "stays silent on one failed update at one per minute",
        {
            **updates((1 / 60, 0, 2 * HOUR), (1 / 60, 0, 2 * HOUR)),
            selector(REQUESTS, outcome="failed"): counter(Pace(0, 2 * HOUR), Pace(1 / 60, MINUTE), Pace(0, 2 * HOUR)),
        },
        dict.fromkeys(range(2 * HOUR, 4 * HOUR, MINUTE), 0),
    ),
    case(
        "UpdateSuccessBudgetBurn", "fires at one update per minute when all of them fail",
        updates((1 / 60, 0, 2 * HOUR), (0, 1 / 60, 30 * MINUTE)),
        {2 * HOUR + 4 * MINUTE: 0, 2 * HOUR + 15 * MINUTE: 1},
    ),
    case(
        "UpdateSuccessBudgetBurn", "counts updates that ended with an error message",
        {
            selector(REQUESTS, outcome="handled"): counter(Pace(9, 2 * HOUR)),
            selector(REQUESTS, outcome="degraded"): counter(Pace(1, 2 * HOUR)),
        },
        {10 * MINUTE: 1},
    ),
    case(
        "UpdateSuccessBudgetBurn", "stays silent on a peak of one minute",
        updates((10, 0, 2 * HOUR), (9.5, 0.5, MINUTE), (10, 0, HOUR)),
        dict.fromkeys(range(2 * HOUR, 3 * HOUR, 2 * MINUTE), 0),
    ),
    case(
        "UpdateSuccessBudgetBurn", "stays silent within the objective",
        updates((9.995, 0.005, 8 * HOUR)),
        {HOUR: 0, 4 * HOUR: 0, 7 * HOUR: 0},
    ),
    case(
        "UpdateSuccessBudgetBurn", "stays silent without traffic",
        updates((0, 0, 2 * HOUR)),
        {HOUR: 0, 90 * MINUTE: 0},
    ),
    case(
        "UpdateSuccessBudgetBurn", "stays silent on counter resets",
        {name: f"{values} {values}" for name, values in updates((10, 0, HOUR)).items()},
        dict.fromkeys(range(HOUR, 2 * HOUR, 5 * MINUTE), 0),
    ),
    case(
        "UpdateSuccessBudgetBurn", "does not count unauthorized requests or duplicates",
        {
            selector(REQUESTS, outcome="handled"): counter(Pace(10, 2 * HOUR)),
            selector(REQUESTS, outcome="failed"): counter(Pace(0, 2 * HOUR)),
            selector(REQUESTS, outcome="unauthorized"): counter(Pace(100, 2 * HOUR)),
            selector(REQUESTS, outcome="duplicate"): counter(Pace(5, 2 * HOUR)),
        },
        {HOUR: 0, 110 * MINUTE: 0},
    ),
    case(
        "UpdateSuccessBudgetBurnSlow", "fires on a slow burn",
        updates((9.96, 0.04, 8 * HOUR)),
        {4 * HOUR: 1},
        message="0.4% of the updates failed over the last 1 to 3 days, and updates still fail; the objective is "
        "99.9 %. Find the most frequent error of the day and fix it.", labels={"job": JOB},
    ),
    case(
        "UpdateSuccessBudgetBurnSlow", "stays silent on four failed updates a day at one per minute",
        {
            **updates((1 / 60, 0, 24 * HOUR)),
            selector(REQUESTS, outcome="failed"): counter(
                *(pace for _ in range(4) for pace in (Pace(0, 6 * HOUR - MINUTE), Pace(1 / 60, MINUTE)))
            ),
        },
        dict.fromkeys(range(HOUR, 24 * HOUR, HOUR), 0),
    ),
    case(
        "UpdateSuccessBudgetBurnSlow", "stays silent within the objective, not early, and resolves",
        updates((9.995, 0.005, 6 * HOUR), (9.8, 0.2, 6 * HOUR), (10, 0, 14 * HOUR)),
        {5 * HOUR: 0, 6 * HOUR + 14 * MINUTE: 0, 11 * HOUR: 1, 25 * HOUR: 0},
    ),
    case(
        "UpdateSuccessBudgetBurnSlow", "stays silent without traffic",
        updates((0, 0, 4 * HOUR)),
        {2 * HOUR: 0, 3 * HOUR: 0},
    ),
    case(
        "UpdateSuccessBudgetBurnSlow", "stays silent on counter resets",
        {name: f"{values} {values}" for name, values in updates((10, 0, 2 * HOUR)).items()},
        {2 * HOUR: 0, 3 * HOUR: 0},
    ),
    case(
        "UpdateLatencyBudgetBurn", "fires on a fast burn and stops soon after it",
        durations((10, 0, 2 * HOUR), (2, 8, 20 * MINUTE), (10, 0, 2 * HOUR)),
        {
            2 * HOUR: 0,
            2 * HOUR + 4 * MINUTE: 0,
            2 * HOUR + 18 * MINUTE: 1,
            2 * HOUR + 53 * MINUTE: 0,
            3 * HOUR: 0,
        },
    ),
    case(
        "UpdateLatencyBudgetBurn", "fires when a fifth is always slow",
        durations((8, 2, 2 * HOUR)),
        {10 * MINUTE: 1},
        message="20% of the updates of the last 1 to 6 hours took longer than 2.0 s, and some still do; the objective "
        "is 99 %. Check the backends and the CPU usage.", labels={"job": JOB},
    ),
    case(
        "UpdateLatencyBudgetBurn", "stays silent on four slow updates among ten in an hour",
        durations((10 / 3600, 0, 2 * HOUR), (10 / 3600, 4 / 3600, HOUR)),
        dict.fromkeys(range(2 * HOUR, 3 * HOUR, 2 * MINUTE), 0),
    ),
    case(
        "UpdateLatencyBudgetBurn", "stays silent within the objective",
        durations((9.95, 0.05, 8 * HOUR)),
        {HOUR: 0, 7 * HOUR: 0},
    ),
    case(
        "UpdateLatencyBudgetBurn", "stays silent without traffic",
        durations((0, 0, 2 * HOUR)),
        {HOUR: 0},
    ),
    case(
        "UpdateLatencyBudgetBurn", "stays silent on counter resets",
        {name: f"{values} {values}" for name, values in durations((10, 0, HOUR)).items()},
        dict.fromkeys(range(HOUR, 2 * HOUR, 5 * MINUTE), 0),
    ),
    case(
        "UpdateLatencyBudgetBurnSlow", "fires on a slow burn, not early, and resolves",
        durations((10, 0, 2 * HOUR), (9, 1, 6 * HOUR), (10, 0, 12 * HOUR)),
        {2 * HOUR: 0, 2 * HOUR + 14 * MINUTE: 0, 7 * HOUR: 1, 19 * HOUR: 0},
    ),
    case(
        "UpdateLatencyBudgetBurnSlow", "fires when 4 % are always slow",
        durations((9.6, 0.4, 8 * HOUR)),
        {4 * HOUR: 1},
        message="4% of the updates of the last 1 to 3 days took longer than 2.0 s, and some still do; the objective is "
        "99 %. Find in the traces where the time is spent.", labels={"job": JOB},
    ),
    case(
        "UpdateLatencyBudgetBurnSlow", "stays silent within the objective and without traffic",
        durations((9.95, 0.05, 4 * HOUR), (0, 0, 8 * HOUR)),
        {3 * HOUR: 0, 11 * HOUR: 0},
    ),
    case(
        "UpdateLatencyBudgetBurnSlow", "stays silent on counter resets",
        {name: f"{values} {values}" for name, values in durations((10, 0, 2 * HOUR)).items()},
        {2 * HOUR: 0, 3 * HOUR: 0},
    ),
)  # fmt: skip
