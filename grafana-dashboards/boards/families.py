"""Panels that several dashboards use: percentiles of a histogram, rates of counters, outcomes, ready replicas."""

from collections.abc import Mapping, Sequence

from boards import colours, style
from boards.alerts import Alert
from boards.links import Link
from boards.panels import AnyPanel, Query, graph, number
from boards.queries import PODS, per_second, quantile, series

OUTCOMES_METRIC = "bot_gateway_webhook_requests_total"


def percentiles(
    title: str,
    description: str,
    histogram: str,
    *,
    where: str = PODS,
    exemplars: bool = False,
    span: int = 12,
    height: int = 8,
    alerts: Sequence[Alert] = (),
    links: Sequence[Link] = (),
) -> AnyPanel:
    """The 95th, 50th and 99th percentile in seconds; with `exemplars`, the 95th links to traces."""
    queries = [
        Query(quantile(0.95, histogram, where=where), "p95", exemplars=exemplars),
        Query(quantile(0.5, histogram, where=where), "p50"),
        Query(quantile(0.99, histogram, where=where), "p99"),
    ]
    return graph(
        title,
        description,
        queries,
        "s",
        span=span,
        height=height,
        alerts=alerts,
        links=links,
        series_colours=colours.PERCENTILES,
    )


def rate_by(
    title: str, description: str, counter: str, label: str, names: Sequence[str], *, span: int, right: bool = False
) -> AnyPanel:
    """The rate of a counter per second, one line per value of a label; `names` are the values with a colour."""
    queries = [Query(per_second(counter, label), f"{{{{{label}}}}}")]
    return graph(
        title,
        description,
        queries,
        "ops",
        series_colours=colours.identities(*names),
        span=span,
        legend_right=right,
    )


def rates(title: str, description: str, counters: Mapping[str, str], *, span: int) -> AnyPanel:
    """The rates of several counters per second, by the name of the line."""
    queries = [Query(per_second(counter), name) for name, counter in counters.items()]
    return graph(title, description, queries, "ops", series_colours=colours.identities(*counters), span=span)


def outcomes(title: str, description: str, link: Link, *, match: str = "") -> AnyPanel:
    """Outcomes of Telegram's requests, stacked."""
    return graph(
        title,
        description,
        [Query(per_second(OUTCOMES_METRIC, "outcome", match=match), "{{outcome}}")],
        "reqps",
        stacked=True,
        series_colours=colours.OUTCOMES,
        span=8,
        links=[link],
    )


def pods_ready(description: str, link: Link) -> AnyPanel:
    """The number of ready replicas; zero and no data are critical."""
    return number(
        "Pods ready",
        description,
        Query(f"sum({series('bot_gateway_ready')})"),
        "none",
        thresholds=style.steps((None, colours.CRITICAL), (1, colours.OK)),
        nothing=style.nothing("none", colours.CRITICAL),
        links=[link],
    )
