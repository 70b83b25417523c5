"""The page's data: the gateway, traces, the kill switch, and files of the page only."""

import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sandbox.control.page import Page
from sandbox.settings import Settings
from sandbox.telegram.webhook import SECRET_HEADER, WebhookSettings
from sandbox.traces.receiver import Span, SpanStore

EXPOSITION = "bot_gateway_messages_total 4\n"

Open = Callable[..., Any]


@pytest.fixture
async def open_page() -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def opened(
            store: SpanStore | None = None, webhook: WebhookSettings | None = None, **settings: Any
        ) -> TestClient:
            page = Page(Settings(**settings), store or SpanStore(), lambda: webhook or WebhookSettings())
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
        return web.Response(status=400 if request.headers.get(SECRET_HEADER) == "s3cret" else 401)

    app.router.add_get("/metrics", metrics)
    app.router.add_post("/webhook", webhook)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def get(page: TestClient, path: str) -> Any:
    async with page.get(path) as response:
        assert response.status == 200
        return await response.json()


async def test_the_gateway_is_up_down_or_unknown(open_page, gateway_url) -> None:
    up = await get(await open_page(gateway_url=gateway_url), "/gateway")
    assert (up["source"], up["up"], up["messages"]) == ("metrics", True, 4)
    down = await get(await open_page(gateway_url="http://127.0.0.1:9"), "/gateway")
    assert (down["source"], down["up"]) == ("metrics", False)
    assert await get(await open_page(), "/gateway") == {"source": "none", "up": False}


@pytest.mark.parametrize(("secret", "status"), [("s3cret", "400"), ("", "401")])
async def test_invalid_updates_carry_the_webhooks_secret(open_page, gateway_url, secret, status) -> None:
    url = f"{gateway_url}/webhook"
    page = await open_page(webhook=WebhookSettings(url, secret))
    async with page.post("/gateway/invalid", json={"count": 3}) as response:
        assert await response.json() == {"sent": 3, "url": url, "statuses": {status: 3}}


async def test_without_a_webhook_invalid_updates_are_an_error(open_page) -> None:
    async with (await open_page()).post("/gateway/invalid", json={}) as response:
        assert (response.status, await response.json()) == (404, {"error": "the bot has set no webhook"})


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


async def test_the_kill_switch_sends_sigkill(open_page, sleeper, tmp_path: Path) -> None:
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


async def test_traces_are_filtered_by_service(open_page) -> None:
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


async def test_without_prometheus_there_are_no_alerts(open_page) -> None:
    assert await get(await open_page(), "/alerts") == {"prometheus": False, "items": []}


async def test_only_the_pages_files_are_served(open_page) -> None:
    page = await open_page()
    async with page.get("/") as response:
        text = await response.text()
    assert "http://" not in text.replace("http://www.w3.org", "")
    assert "https://" not in text
    for name, status in (("app.js", 200), ("style.css", 200), ("..%2fsettings.py", 404), ("none.js", 404)):
        async with page.get(f"/page/{name}") as response:
            assert response.status == status


async def test_without_an_operator_there_are_no_decisions(open_page) -> None:
    assert await get(await open_page(), "/operator") == {"source": "none", "items": []}
