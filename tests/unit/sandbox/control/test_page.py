"""The page's data: the gateway's numbers, traces, the kill switch, and files of the page only."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sandbox.control.page import Page, gateway_numbers
from sandbox.settings import Settings
from sandbox.traces.receiver import Span, SpanStore

EXPOSITION = """\
# TYPE bot_gateway_messages_total counter
bot_gateway_messages_total{message_type="text",user_role="applicant",language="ru"} 3
bot_gateway_messages_total{message_type="photo",user_role="applicant",language="ru"} 1
# TYPE bot_gateway_message_processing_duration_seconds histogram
bot_gateway_message_processing_duration_seconds_bucket{le="0.1"} 2
bot_gateway_message_processing_duration_seconds_bucket{le="1.0"} 4
bot_gateway_message_processing_duration_seconds_bucket{le="+Inf"} 4
# TYPE bot_gateway_service_circuit_breaker_state gauge
bot_gateway_service_circuit_breaker_state{service_name="auth"} 1
bot_gateway_service_circuit_breaker_state{service_name="user"} 0
"""

Open = Callable[..., Any]


@pytest.fixture
async def open_page() -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def opened(store: SpanStore | None = None, **settings: Any) -> TestClient:
            page = Page(Settings(**settings), store or SpanStore())
            stack.push_async_callback(page.close)
            app = web.Application()
            app.add_routes(page.routes())
            return await stack.enter_async_context(TestClient(TestServer(app)))

        yield opened


@pytest.fixture
async def gateway_url() -> AsyncIterator[str]:
    app = web.Application()

    async def metrics(request: web.Request) -> web.Response:
        return web.Response(text=EXPOSITION)

    async def webhook(request: web.Request) -> web.Response:
        return web.Response(status=400)

    app.router.add_get("/metrics", metrics)
    app.router.add_post("/webhook", webhook)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def get(page: TestClient, path: str) -> Any:
    async with page.get(path) as response:
        assert response.status == 200
        return await response.json()


def test_numbers() -> None:
    numbers = gateway_numbers(EXPOSITION)
    assert numbers["messages"] == 4
    assert numbers["buckets"] == [[0.1, 2], [1.0, 4]]
    assert numbers["handled"] == 4
    assert numbers["breakers"] == {"auth": 1, "user": 0}


async def test_the_gateway_is_up_down_or_not_known(open_page, gateway_url) -> None:
    assert (await get(await open_page(gateway_url=gateway_url), "/gateway"))["up"] is True
    down = await get(await open_page(gateway_url="http://127.0.0.1:9"), "/gateway")
    assert (down["known"], down["up"]) == (True, False)
    assert await get(await open_page(), "/gateway") == {"known": False, "up": False}


async def test_invalid_updates_are_posted_and_counted(open_page, gateway_url) -> None:
    page = await open_page(gateway_url=gateway_url)
    async with page.post("/gateway/invalid", json={"count": 3}) as response:
        assert await response.json() == {"sent": 3, "statuses": {"400": 3}}


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


async def test_the_kill_switch_kills(open_page, sleeper, tmp_path: Path) -> None:
    pid_file = tmp_path / "pid"
    page = await open_page(gateway_pid_file=pid_file)
    async with page.post("/gateway/kill") as response:
        assert response.status == 404
    pid_file.write_text(str(sleeper.pid))
    async with page.post("/gateway/kill") as response:
        assert response.status == 202
    assert sleeper.wait() == -9
    async with page.post("/gateway/kill") as response:
        assert response.status == 409


async def test_updates_traces_are_filtered_by_who_took_part(open_page) -> None:
    store = SpanStore()
    for number, service in enumerate(("Auth Service", "Shift Service")):
        store.add(
            Span(f"t{number}", "root", "", "Bot Gateway Service", "/webhook", 1, number, number, {}, failed=False)
        )
        store.add(Span(f"t{number}", "s", "root", service, "GET /", 2, number, number, {}, failed=False))
    store.add(Span("t9", "root", "", "Bot Gateway Service", "Telegram: getWebhookInfo", 3, 9, 9, {}, failed=False))
    page = await open_page(store)
    assert [trace["trace_id"] for trace in (await get(page, "/traces"))["items"]] == ["t1", "t0"]
    (trace,) = (await get(page, "/traces?service=Auth+Service"))["items"]
    assert trace["tree"].startswith("Bot Gateway: /webhook")


async def test_only_the_gateways_own_alerts_are_shown(open_page) -> None:
    labels = (
        {"alertname": "CircuitBreakerOpen", "service": "bot-gateway", "namespace": "bots"},
        {"alertname": "HighErrorRate", "service": "bot-gateway", "namespace": "others"},
        {"alertname": "KubePodCrashLooping", "namespace": "bots"},
    )

    async def alerts(request: web.Request) -> web.Response:
        return web.json_response({"data": {"alerts": [{"labels": of_one} for of_one in labels]}})

    app = web.Application()
    app.router.add_get("/api/v1/alerts", alerts)
    async with TestServer(app) as prometheus:
        url = str(prometheus.make_url("")).rstrip("/")
        page = await open_page(prometheus_url=url, remediations_namespace="bots")
        everywhere = await open_page(prometheus_url=url)
        assert (await get(page, "/alerts"))["items"] == [{"labels": labels[0]}]
        assert len((await get(everywhere, "/alerts"))["items"]) == 2


async def test_without_prometheus_there_are_no_alerts(open_page) -> None:
    assert await get(await open_page(), "/alerts") == {"prometheus": False, "items": []}


async def test_only_the_pages_own_files_are_served(open_page) -> None:
    page = await open_page()
    async with page.get("/") as response:
        text = await response.text()
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
    for name, status in (("app.js", 200), ("style.css", 200), ("..%2fsettings.py", 404), ("none.js", 404)):
        async with page.get(f"/page/{name}") as response:
            assert response.status == status


async def test_views_that_are_missing_say_how_to_get_them(open_page) -> None:
    page = await open_page(prometheus_url="http://127.0.0.1:9090")
    prometheus, alertmanager, jaeger = (await get(page, "/views"))["items"]
    assert (prometheus["url"], prometheus["get"]) == ("http://127.0.0.1:9090", "")
    for missing, program in ((alertmanager, "alertmanager"), (jaeger, "jaeger")):
        assert missing["url"] == ""
        assert f"put the program {program} on PATH" in missing["get"]


async def test_without_an_operator_there_are_no_decisions(open_page) -> None:
    assert await get(await open_page(), "/operator") == {"source": "none", "items": []}
