"""The operator's own replay, fed with what Alertmanager and the gateway say now."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psutil
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.control.decisions import read_decisions
from sandbox.demo import dry_run_operator
from sandbox.demo.dry_run_operator import DryRunOperator, operator_is_installed
from sandbox.demo.monitoring import Monitoring, Programs
from sandbox.demo.settings import DemoSettings
from sandbox.settings import Settings
from support.demo_alerts import alert_labels

ALERT = {
    "labels": alert_labels("CircuitBreakerOpen", "request"),
    "startsAt": "2026-11-24T12:00:00Z",
    "fingerprint": "f1",
    "status": {"state": "active"},
}


@pytest.fixture
async def around() -> AsyncIterator[tuple[DemoSettings, str]]:
    """One server that is Prometheus, Alertmanager and gateway at once."""

    async def ready(request: web.Request) -> web.Response:
        return web.Response()

    async def alerts(request: web.Request) -> web.Response:
        return web.json_response([ALERT])

    app = web.Application()
    app.add_routes([web.get("/-/ready", ready), web.get("/readyz", ready), web.get("/api/v2/alerts", alerts)])
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(TestServer(app))
        settings = DemoSettings(prometheus_port=server.port, alertmanager_port=server.port)
        yield settings, f"http://127.0.0.1:{server.port}/readyz"


async def decided(file: Path) -> list[dict[str, Any]]:
    async with asyncio.timeout(30):
        while not read_decisions(file):  # noqa: ASYNC110 - another process writes it
            await asyncio.sleep(0.05)
    return read_decisions(file)


async def test_it_reports_decisions_and_stops_with_the_demo(around, tmp_path: Path) -> None:
    settings, ready = around
    assert operator_is_installed()
    operator = DryRunOperator(Monitoring(settings, Settings(), Programs("p", "a", None)), ready, tmp_path)
    before = psutil.Process().num_fds()
    async with operator.process() as child:
        first = (await decided(operator.decisions_file))[-1]
        assert first["phase"] == "Pending"
        assert "CircuitBreakerOpen fires on bot-gateway" in first["message"]
    assert await child.wait() in (0, -15)
    assert psutil.Process().num_fds() <= before


async def test_an_exited_operator_causes_no_error_in_the_feed(
    around, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, ready = around
    monkeypatch.setattr(dry_run_operator, "CHART", tmp_path / "no-policy-here")
    monkeypatch.setattr(dry_run_operator, "OBSERVE_SECONDS", 0.05)
    operator = DryRunOperator(Monitoring(settings, Settings(), Programs("p", "a", None)), ready, tmp_path)
    async with operator.process() as child:
        assert await child.wait() == 2
        await asyncio.sleep(0.2)
    assert "No such file" in (tmp_path / "operator.log").read_text()
