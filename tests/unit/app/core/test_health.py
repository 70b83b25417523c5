from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from app.core import metrics
from app.core.health import Health, add_metrics_route


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
async def client(health: Health) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    application = web.Application()
    health.add_routes(application)
    add_metrics_route(application)
    async with TestClient(TestServer(application)) as client:
        yield client


async def status(client: TestClient[web.Request, web.Application], path: str) -> int:
    async with client.get(path) as response:
        return response.status


async def test_the_probes_follow_the_replica_s_life(
    client: TestClient[web.Request, web.Application], health: Health
) -> None:
    paths = ("/livez", "/startupz", "/readyz")
    assert [await status(client, path) for path in paths] == [200, 503, 503]
    health.started = health.ready = True
    assert [await status(client, path) for path in paths] == [200, 200, 200]
    health.ready = False
    assert [await status(client, path) for path in paths] == [200, 200, 503]


async def test_metrics_have_the_documented_form(client: TestClient[web.Request, web.Application]) -> None:
    metrics.MESSAGES_TOTAL.labels(message_type="text", user_role="applicant", language="ru").inc()
    async with client.get("/metrics") as response:
        text = await response.text()
        assert response.headers["Content-Type"].startswith("text/plain")
    assert 'bot_gateway_messages_total{language="ru",message_type="text",user_role="applicant"}' in text
    assert 'bot_gateway_message_processing_duration_seconds_bucket{le="0.1"}' in text


async def test_openmetrics_carries_exemplars(client: TestClient[web.Request, web.Application]) -> None:
    metrics.MESSAGE_PROCESSING_DURATION_SECONDS.observe(0.3, {"trace_id": "ab" * 16})
    async with client.get("/metrics", headers={"Accept": "application/openmetrics-text; version=1.0.0"}) as response:
        text = await response.text()
        assert response.headers["Content-Type"].startswith("application/openmetrics-text")
    exemplars = [
        sample.exemplar.labels
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.exemplar is not None
    ]
    assert {"trace_id": "ab" * 16} in exemplars
