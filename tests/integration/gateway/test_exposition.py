"""What a scraper gets: promtool finds nothing to blame, OpenMetrics parses and carries exemplars, labels are closed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from remediator.metrics import Metrics
from support.closed_sets import CLIENT_FAMILIES, outside
from support.metric_watch import PREFIX, MetricWatch
from support.tools import run, tool


def assert_promtool_is_content(page: str) -> None:
    done = run(tool("promtool"), "check", "metrics", stdin=page)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.timeout(300)
async def test_a_gateway_s_page(make_world: Callable[..., Any]) -> None:
    world = await make_world(flood_limits=False)
    replica = await world.started(
        TRACING_ENABLED="true", TRACING_SAMPLE_RATIO="1", JAEGER_HOST="127.0.0.1", JAEGER_PORT="9"
    )
    world.users.say(1001, "/requests")
    world.users.say(5001, "/nonsense\u202e")
    await world.all_handled(60)

    async def settle() -> None:
        return

    watch = MetricWatch(replica.url, settle)
    page = await watch.text()
    families = list(parse_text(page))
    assert outside(families) == []
    assert all(family.name.startswith((PREFIX, *CLIENT_FAMILIES)) and family.documentation for family in families)
    exemplars = [
        sample.exemplar
        for family in parse_openmetrics(await watch.text("application/openmetrics-text"))
        for sample in family.samples
        if sample.exemplar is not None
    ]
    assert exemplars
    assert all(len(exemplar.labels["trace_id"]) == 32 for exemplar in exemplars)
    assert_promtool_is_content(page)


def test_the_operator_s_page() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    assert_promtool_is_content(generate_latest(registry).decode())
