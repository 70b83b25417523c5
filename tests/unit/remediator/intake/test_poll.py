"""Polling Alertmanager: what is asked for, and when."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from prometheus_client import CollectorRegistry

from remediator.intake.alert_store import AlertStore
from remediator.intake.poll import Poller
from remediator.intake.sources import Alertmanager, Prometheus, SourceError
from remediator.metrics import Metrics
from support.fake_alertmanager import WATCHDOG, alert

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Server:
    """Alertmanager and Prometheus as their APIs describe them; a test says what they answer."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = [WATCHDOG]
        self.muted: list[str] | None = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.asked: list[str] = []
        self.query: dict[str, Any] = {"status": "success", "data": {"result": []}}

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/api/v2/alerts", self._alerts)
        app.router.add_get("/api/v2/alerts/groups", self._groups)
        app.router.add_get("/api/v2/status", self._status)
        app.router.add_get("/api/v1/query", self._query)
        return app

    async def _alerts(self, request: web.Request) -> web.Response:
        matcher = request.query["filter"]
        self.asked.append(matcher)
        wanted = ("", matcher.removeprefix('namespace=~"').removesuffix('|"'))
        found = [item for item in self.alerts if item["labels"].get("namespace", "") in wanted]
        if matcher == 'alertname="Watchdog"':
            found = [item for item in self.alerts if item["labels"]["alertname"] == "Watchdog"]
        return web.json_response(found, status=self.status, headers=self.headers)

    async def _groups(self, request: web.Request) -> web.Response:
        self.asked.append(request.query["receiver"])
        told = [
            {
                **item,
                "status": {"state": "active"} if self.muted is None else {"state": "active", "mutedBy": self.muted},
            }
            for item in self.alerts
            if item is not WATCHDOG
        ]
        return web.json_response([{"alerts": told, "labels": {}, "receiver": {"name": "remediator"}}])

    async def _status(self, _request: web.Request) -> web.Response:
        return web.json_response({"uptime": "2025-12-31T23:00:00Z"})

    async def _query(self, _request: web.Request) -> web.Response:
        return web.json_response(self.query)


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def url(server: Server) -> AsyncIterator[tuple[aiohttp.ClientSession, str]]:
    async with TestServer(server.application()) as running, aiohttp.ClientSession() as session:
        yield session, str(running.make_url(""))


class Bench:
    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        self.now = NOW
        self.seconds = 1000.0
        self.store = AlertStore(clock=lambda: self.now, monotonic=lambda: self.seconds, polling=True)
        self.metrics = Metrics(CollectorRegistry())
        self.poller = Poller(
            alertmanager=Alertmanager(session, base, "shop"),
            alert_store=self.store,
            metrics=self.metrics,
            clock=lambda: self.now,
            monotonic=lambda: self.seconds,
        )


@pytest.fixture
def bench(url: tuple[aiohttp.ClientSession, str]) -> Bench:
    return Bench(*url)


async def test_twenty_thousand_alerts_of_other_namespaces_are_not_read(server: Server, bench: Bench) -> None:
    server.alerts += [alert("other", f"pod-{number}") for number in range(20_000)]
    server.alerts.append(alert("shop", "a"))
    await bench.poller.refresh()
    assert bench.store.known
    assert {item.labels.get("pod") for item in bench.store.alerts()} == {None, "a"}
    assert server.asked == ['namespace=~"shop|"', 'alertname="Watchdog"']


async def test_a_malformed_alert_does_not_hide_the_others(server: Server, bench: Bench) -> None:
    server.alerts += [{**alert("shop", "a"), "startsAt": None}, alert("shop", "b")]
    await bench.poller.refresh()
    assert {item.labels.get("pod") for item in bench.store.alerts()} == {None, "b"}


async def test_polling_goes_on_after_the_wall_clock_was_set_back(server: Server, bench: Bench) -> None:
    await bench.poller.refresh()
    bench.now -= timedelta(hours=1)
    bench.seconds += 15
    server.alerts.append(alert("shop", "a"))
    await bench.poller.refresh()
    assert len(bench.store.alerts()) == 2


async def test_an_alert_on_a_muted_route_is_suppressed_once_the_receiver_is_known(server: Server, bench: Bench) -> None:
    server.alerts.append(alert("shop", "a"))
    server.muted = ["night"]
    await bench.poller.refresh()
    assert [item.state for item in bench.store.alerts() if item.labels.get("pod")] == ["active"]
    bench.store.receiver = "shop/operator/remediator"
    bench.seconds += 15
    await bench.poller.refresh()
    assert [item.state for item in bench.store.alerts() if item.labels.get("pod")] == ["suppressed"]
    assert "^shop/operator/remediator$" in server.asked


async def test_an_alertmanager_that_does_not_tell_mutes_leaves_them_unknown(server: Server, bench: Bench) -> None:
    server.alerts.append(alert("shop", "a"))
    server.muted = None
    bench.store.receiver = "remediator"
    await bench.poller.refresh()
    assert [item.state for item in bench.store.alerts() if item.labels.get("pod")] == ["active"]


async def test_retry_after_is_honoured(server: Server, bench: Bench) -> None:
    server.status, server.headers = 429, {"Retry-After": "60"}
    await bench.poller.refresh()
    asked = len(server.asked)
    bench.seconds += 15
    await bench.poller.refresh()
    assert len(server.asked) == asked
    server.status = 200
    bench.seconds += 60
    await bench.poller.refresh()
    assert bench.store.known


async def test_when_alertmanager_started_is_known(bench: Bench) -> None:
    await bench.poller.refresh()
    assert bench.store.started_at == datetime(2025, 12, 31, 23, tzinfo=UTC)


async def test_an_answer_of_prometheus_with_warnings_is_no_answer(
    server: Server, url: tuple[aiohttp.ClientSession, str]
) -> None:
    prometheus = Prometheus(*url)
    assert await prometheus.query("vector(1)") == []
    server.query["warnings"] = ["a store did not answer"]
    with pytest.raises(SourceError, match="may be incomplete"):
        await prometheus.query("vector(1)")


async def test_credentials_of_a_url_are_in_no_error(url: tuple[aiohttp.ClientSession, str], server: Server) -> None:
    session, base = url
    base = base.replace("http://", "http://operator:s3cret@")
    server.status = 503
    server.query = {"status": "success", "data": {"result": []}, "warnings": ["a store is down"]}
    with pytest.raises(SourceError) as alertmanager:
        await Alertmanager(session, base, "shop").poll()
    with pytest.raises(SourceError) as prometheus:
        await Prometheus(session, base).query("up")
    with pytest.raises(SourceError) as unreachable:
        await Prometheus(session, "http://operator:s3cret@127.0.0.1:1").query("up")
    for error in (alertmanager, prometheus, unreachable):
        assert "127.0.0.1" in str(error.value)
        assert "s3cret" not in str(error.value)


async def test_a_retry_after_that_is_no_number_counts_as_none(server: Server, bench: Bench) -> None:
    server.status, server.headers = 503, {"Retry-After": "\u00b2"}
    await bench.poller.refresh()
    assert not bench.store.known
