"""Cases that alerts of one kind share: on a rate, on a gauge, on a quantile.

Each starts with ten minutes without failures, so that a window of five minutes is full. Times count from the start.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rules.promtool import INTERVAL, JOB, Case, selector
from rules.series import Pace, counter, histogram, level, steady

QUIET = 600
HALF_HOUR = 1800


@dataclass(frozen=True)
class RateAlert:
    """An alert on `rate(metric[window]) > threshold`, held for `hold` seconds."""

    alert: str
    metric: str
    threshold: float
    hold: int
    message: str
    window: int = 300
    labels: dict[str, str] = field(default_factory=dict)
    """The metric's own labels."""
    shown: dict[str, str] = field(default_factory=dict)
    """Those of them that the alert carries, besides job."""
    keep: int = 0
    """Seconds for which it continues after its condition has ended."""

    def at(self, pod: str) -> str:
        return selector(self.metric, pod=pod, **self.labels)

    def cases(self) -> list[Case]:
        """Cases of an alert on a rate."""
        burst = self.hold + 300
        step = 40 * self.threshold
        over = QUIET + burst
        return [
            Case(
                self.alert,
                "fires after its duration, not before, and resolves",
                {self.at("a"): counter(Pace(0, QUIET), Pace(step, burst), Pace(0, HALF_HOUR))},
                {
                    QUIET: 0,
                    QUIET + self.hold: 0,
                    QUIET + INTERVAL + self.hold: 1,
                    over: 1,
                    over + self.window + self.keep + 2 * INTERVAL: 0,
                },
            ),
            Case(
                self.alert,
                "fires above the threshold",
                {self.at("a"): steady(1.1 * self.threshold, HALF_HOUR)},
                {HALF_HOUR - 60: 1},
                message=self.message,
                labels={"job": JOB, **self.shown},
            ),
            Case(
                self.alert,
                "stays silent below the threshold",
                {self.at("a"): steady(0.95 * self.threshold, HALF_HOUR)},
                dict.fromkeys((self.hold, QUIET, QUIET + self.hold, HALF_HOUR - 60), 0),
            ),
            Case(
                self.alert,
                "adds up the replicas",
                {self.at(pod): steady(0.55 * self.threshold, HALF_HOUR) for pod in ("a", "b")},
                {HALF_HOUR - 60: 1},
            ),
            Case(
                self.alert,
                "stays silent without traffic",
                {self.at("a"): steady(0, HALF_HOUR)},
                {QUIET: 0, HALF_HOUR - 60: 0},
            ),
            Case(
                self.alert,
                "stays silent on a counter reset",
                {self.at("a"): f"{steady(self.threshold / 2, 900)} {steady(self.threshold / 2, 900)}"},
                dict.fromkeys(range(900, HALF_HOUR, 60), 0),
            ),
            Case(
                self.alert,
                "stays silent while one replica is replaced",
                {
                    self.at("a"): steady(0.4 * self.threshold, HALF_HOUR),
                    self.at("b"): f"{steady(0.4 * self.threshold, 900)} stale",
                    self.at("c"): f"_x62 {steady(0.4 * self.threshold, 870)}",
                },
                dict.fromkeys(range(840, HALF_HOUR, 60), 0),
            ),
        ]


@dataclass(frozen=True)
class GaugeAlert:
    """An alert on a gauge's value, held for `hold` seconds."""

    alert: str
    metric: str
    healthy: float
    bad: float
    hold: int
    message: str
    labels: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    job: str = JOB
    other_pods_count: bool = True
    """Whether a second affected pod is a second alert."""

    def at(self, pod: str) -> str:
        return selector(self.metric, job=self.job, pod=pod, **self.labels)

    def cases(self) -> list[Case]:
        """Cases of an alert on a gauge."""
        outage = self.hold + 300
        over = QUIET + outage
        return [
            Case(
                self.alert,
                "fires after its duration, not before, and resolves",
                {self.at("a"): level((self.healthy, QUIET), (self.bad, outage), (self.healthy, 600))},
                {QUIET: 0, QUIET + self.hold - INTERVAL: 0, QUIET + self.hold: 1, over - INTERVAL: 1, over: 0},
                message=self.message,
                labels={"job": self.job, **self.shown},
            ),
            Case(
                self.alert,
                "stays silent on a short outage",
                {self.at("a"): level((self.healthy, QUIET), (self.bad, self.hold - INTERVAL), (self.healthy, 600))},
                dict.fromkeys(range(QUIET, QUIET + self.hold + 120, INTERVAL), 0),
            ),
            Case(
                self.alert,
                "stays silent at a healthy value",
                {self.at("a"): level((self.healthy, HALF_HOUR))},
                {QUIET: 0, HALF_HOUR - 60: 0},
            ),
            Case(
                self.alert,
                "stays silent without a value",
                {self.at("a"): level(("_", HALF_HOUR))},
                {QUIET: 0, HALF_HOUR - 60: 0},
            ),
            Case(
                self.alert,
                "starts its duration again after the replacement of a pod",
                {
                    self.at("a"): level((self.bad, self.hold - INTERVAL), ("stale", 60)),
                    self.at("b"): level(("_", self.hold + 60), (self.healthy, 600)),
                },
                dict.fromkeys(range(0, self.hold + 300, INTERVAL), 0),
            ),
            Case(
                self.alert,
                "fires for two replicas",
                {self.at(pod): level((self.bad, HALF_HOUR)) for pod in ("a", "b")},
                {HALF_HOUR - 60: 2 if self.other_pods_count else 1},
            ),
        ]


@dataclass(frozen=True)
class QuantileAlert:
    """An alert on the 95th percentile of a histogram above a bound, held for `hold` seconds."""

    alert: str
    metric: str
    bounds: Sequence[str]
    fast: str
    """Upper bound of the bucket of a healthy observation: at most the threshold."""
    slow: str
    """Upper bound of the bucket above the threshold."""
    hold: int
    message: str
    labels: dict[str, str] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)
    keep: int = 0
    """Seconds for which it continues after its condition has ended."""

    def phases(self, *phases: tuple[str, float, int], pod: str = "a") -> dict[str, str]:
        return histogram(selector(f"{self.metric}_bucket", pod=pod, **self.labels)[:-1], self.bounds, *phases)

    def cases(self) -> list[Case]:
        """Cases of an alert on a quantile."""
        outage = self.hold + 300
        over = QUIET + outage
        silent = dict.fromkeys(range(QUIET, HALF_HOUR, 60), 0)
        return [
            Case(
                self.alert,
                "fires after its duration, not before, and resolves",
                # Ten times the traffic when slow: one sample is then over 5 % of the window.
                self.phases((self.fast, 1, QUIET), (self.slow, 10, outage), (self.fast, 10, HALF_HOUR)),
                {
                    QUIET: 0,
                    QUIET + self.hold: 0,
                    QUIET + INTERVAL + self.hold: 1,
                    over: 1,
                    over + 300 + self.keep + 2 * INTERVAL: 0,
                },
            ),
            Case(
                self.alert,
                "fires when all are slow",
                self.phases((self.slow, 2, HALF_HOUR)),
                {HALF_HOUR - 60: 1},
                message=self.message,
                labels={"job": JOB, **self.shown},
            ),
            Case(self.alert, "stays silent when all are fast", self.phases((self.fast, 2, HALF_HOUR)), silent),
            Case(
                self.alert,
                "stays silent when 4 % are slow",
                _sum(self.phases((self.fast, 96, HALF_HOUR)), self.phases((self.slow, 4, HALF_HOUR))),
                silent,
            ),
            Case(self.alert, "stays silent without traffic", self.phases((self.slow, 0, HALF_HOUR)), silent),
            Case(
                self.alert,
                "stays silent on a counter reset",
                {
                    series: f"{values} {values}"
                    for series, values in self.phases((self.fast, 2, HALF_HOUR // 2)).items()
                },
                silent,
            ),
            Case(
                self.alert,
                "stays silent while one replica is replaced",
                {
                    **self.phases((self.fast, 2, HALF_HOUR)),
                    **{s: f"{v} stale" for s, v in self.phases((self.fast, 2, 900), pod="b").items()},
                    **{s: f"_x62 {v}" for s, v in self.phases((self.fast, 2, 870), pod="c").items()},
                },
                silent,
            ),
        ]


def _sum(first: dict[str, str], second: dict[str, str]) -> dict[str, str]:
    """The sum of the series of two cases with one phase."""
    total: dict[str, str] = {}
    for series, values in first.items():
        growth, samples = values.removeprefix("0.0+").split("x")
        other, _ = second[series].removeprefix("0.0+").split("x")
        total[series] = f"0+{float(growth) + float(other)}x{samples}"
    return total
