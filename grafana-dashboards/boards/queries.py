"""PromQL that the dashboards share.

Every selector names the namespace and the job, otherwise panels would add up two gateways of one cluster. Each replica
reads cluster-wide gauges (sessions, active users) from Redis, so replicas report the same value and are never summed.
"""

from collections.abc import Sequence

GATEWAY = 'namespace="$namespace", job=~"$job"'
PODS = f'{GATEWAY}, pod=~"$pod"'
SERVICE = f'{PODS}, service_name=~"$service"'
OPERATOR = 'namespace="$namespace", job=~"${job}-remediator"'
ALERTING = 'namespace="$namespace", job=~"$job|${job}-remediator"'

FAILED = 'outcome=~"failed|invalid|too_large|overloaded|unavailable"'
"""Webhook requests that HighWebhookFailureRate counts."""

BAD = 'outcome=~"degraded|failed|invalid|too_large|overloaded|unavailable"'
"""Webhook requests whose user did not get what they asked for, with those that got an error message instead."""

KNOWN = 'outcome!="unauthorized"'
"""Webhook requests of Telegram, without requests that lack the webhook secret."""

ACTIVE = 'phase!~"Succeeded|NotNeeded|Failed|HandedOver|DryRun|Unproven"'
"""Remediations in a phase that is not final."""


def series(metric: str, match: str = "", where: str = PODS) -> str:
    """A selector of `metric` within `where` and with additional matchers."""
    return f"{metric}{{{where}{', ' if match else ''}{match}}}"


def grouped(aggregation: str, by: Sequence[str], expression: str) -> str:
    """`expression` aggregated, by labels if any are given."""
    return f"{aggregation} by ({', '.join(by)}) ({expression})" if by else f"{aggregation}({expression})"


def per_second(metric: str, *by: str, match: str = "", where: str = PODS) -> str:
    """The summed rate of a counter, per second."""
    return grouped("sum", by, f"rate({series(metric, match, where)}[$__rate_interval])")


def within(metric: str, window: str, *by: str, match: str = "", where: str = PODS) -> str:
    """The increase of a counter in `window`, summed."""
    return grouped("sum", by, f"increase({series(metric, match, where)}[{window}])")


def counted(metric: str, window: str, *by: str, match: str = "", where: str = PODS) -> str:
    """The increase of a counter of rare events in `window`, including the first event of a series.

    A counter that appears with its first event starts at 1, so `increase` is 0. If there was no series before the
    window, the value itself is the increase.
    """
    asked = series(metric, match, where)
    return grouped(
        "sum", by, f"(increase({asked}[{window}]) and {asked} offset {window}) or max_over_time({asked}[{window}])"
    )


def quantile(
    q: float, histogram: str, *by: str, match: str = "", where: str = PODS, window: str = "$__rate_interval"
) -> str:
    """The `q` quantile of a histogram, given by its name without `_bucket`."""
    buckets = grouped("sum", (*by, "le"), f"rate({series(histogram + '_bucket', match, where)}[{window}])")
    return f"histogram_quantile({q}, {buckets})"


def mean(histogram: str, *by: str, match: str = "", where: str = PODS) -> str:
    """The average observation of a histogram."""
    total = per_second(histogram + "_sum", *by, match=match, where=where)
    return f"{total} / {per_second(histogram + '_count', *by, match=match, where=where)}"


def worst_pod(metric: str, *by: str, match: str = "", where: str = PODS) -> str:
    """The largest value of a gauge over all pods."""
    return grouped("max", by, series(metric, match, where))


def short_pod(expression: str) -> str:
    """`expression` with the pod label shortened to the unique last part of the name: `lv9gp`."""
    return f'label_replace({expression}, "pod", "$1", "pod", ".*-([^-]+)")'


def agreed(metric: str, match: str = "") -> str:
    """A total of cluster-wide gauges: the sum of each replica, then the largest."""
    return f"max(sum by (pod) ({series(metric, match)}))"


def or_zero(expression: str, alive: str = "") -> str:
    """`expression`, or 0 if it has no series; with `alive`, only while that selector has series."""
    return f"({expression}) or {f'0 * max({alive})' if alive else 'vector(0)'}"


def alerts(match: str) -> str:
    """The alerts of the gateway and its operator that match."""
    return series("ALERTS", match, ALERTING)


def firing(severity: str) -> str:
    """The alerts of a severity that fire."""
    return alerts(f'alertstate="firing", severity="{severity}"')
