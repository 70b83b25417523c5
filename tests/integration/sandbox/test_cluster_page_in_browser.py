"""The page as a cluster's sandbox serves it, in headless Chromium, with a Prometheus of the test's own."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from support.chromium import CHROMIUM, WAIT_MS, opened
from support.ports import free_ports
from support.tools import missing

PARTS = ("CONTROL", "TELEGRAM", "AUTH", "REQUEST", "USER", "SHIFT")
SERVICES = ("auth", "request", "user", "shift")
READY_SECONDS = 60

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason=missing("chromium")),
    pytest.mark.timeout(300),
]


def sample(value: float | str, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [0, str(value)]}


def breaker(service: str, **pods: int) -> list[dict[str, Any]]:
    states = {"closed": "0", "open": "1", "half_open": "2"}
    return [sample(count, number="breaker", service_name=service, state=states[state]) for state, count in pods.items()]


def alert(pod: str, since: str) -> dict[str, Any]:
    labels = {"alertname": "CircuitBreakerOpen", "severity": "critical", "service": "bot-gateway", "pod": pod}
    release = {"namespace": "bots", "gateway": "bot-gateway", "service_name": "request"}
    return {"labels": labels | release, "annotations": {"summary": "It is open"}, "state": "firing", "activeAt": since}


class StubPrometheus(ThreadingHTTPServer):
    """Answers what the test says; any other path is a page, as of a program that a port-forward reaches."""

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", port), _Answer)
        self.queries: set[str] = set()
        self.vector: list[dict[str, Any]] = [
            sample(3, number="replicas"),
            sample(3, number="replicas_up"),
            sample(7.25, number="rate"),
            sample(0.123, number="p95"),
            sample(0.5, number="errors"),
            *(one for service in SERVICES for one in breaker(service, closed=3)),
        ]
        self.alerts: list[dict[str, Any]] = []


class _Answer(BaseHTTPRequestHandler):
    server: StubPrometheus

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        data: object = {"alerts": self.server.alerts}
        if url.path == "/api/v1/query":
            self.server.queries.update(parse_qs(url.query)["query"])
            data = {"result": self.server.vector}
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"status": "success", "data": data}).encode())

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, *args: object) -> None:
        """Say nothing: a test's output is the test's."""


@pytest.fixture
def prometheus() -> Iterator[StubPrometheus]:
    (port,) = free_ports(1)
    with StubPrometheus(port) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@contextmanager
def sandbox(**settings: str) -> Iterator[str]:
    """The page's address of a sandbox that serves."""
    ports = dict(zip(PARTS, free_ports(len(PARTS)), strict=True))
    environment = {f"SANDBOX_{name}_PORT": str(port) for name, port in ports.items()} | settings
    address = f"http://localhost:{ports['CONTROL']}"
    command = [sys.executable, "-m", "sandbox", "serve"]
    with subprocess.Popen(command, env=os.environ | environment) as process:
        try:
            wait_until_it_serves(address)
            yield address
        finally:
            process.send_signal(signal.SIGTERM)


@pytest.fixture
def page(browser: Browser, prometheus: StubPrometheus) -> Iterator[Page]:
    """Jaeger is forwarded, Alertmanager is not: nothing listens on its port."""
    (silent,) = free_ports(1)
    settings = {
        "SANDBOX_NAMESPACE": "bots",
        "SANDBOX_REMEDIATIONS_NAMESPACE": "bots",
        "SANDBOX_PROMETHEUS_URL": f"http://127.0.0.1:{prometheus.server_port}",
        "SANDBOX_ALERTMANAGER_URL": f"http://alertmanager.monitoring:{silent}",
        "SANDBOX_JAEGER_URL": f"http://jaeger.monitoring:{prometheus.server_port}",
    }
    with sandbox(**settings) as address, opened(browser, address) as page:
        yield page


def wait_until_it_serves(address: str) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with urllib.request.urlopen(f"{address}/healthz", timeout=5):
                return
        except OSError:
            assert time.monotonic() < deadline, "the sandbox does not serve"
            time.sleep(0.2)


def test_metrics_are_summed_over_replicas(page: Page, prometheus: StubPrometheus) -> None:
    expect(page.locator("#gateway-state")).to_have_text("3 of 3 replicas up", timeout=WAIT_MS)
    for name, text in (("rate", "7.3"), ("p95", "123 ms"), ("errors", "0.50"), ("errors-name", "errors/s")):
        expect(page.locator(f"#{name}")).to_have_text(text, timeout=WAIT_MS)
    for service in SERVICES:
        expect(page.locator(f'[data-breaker="{service}"]')).to_have_text("closed")
    (query,) = prometheus.queries
    assert 'namespace="bots",job="bot-gateway"' in query


def test_an_outage_of_some_replicas_shows_how_many(page: Page, prometheus: StubPrometheus) -> None:
    prometheus.vector = [
        sample(3, number="replicas"),
        sample(2, number="replicas_up"),
        sample("NaN", number="p95"),
        *breaker("request", closed=1, open=2),
        *breaker("user", half_open=3),
    ]
    prometheus.alerts = [alert("a", "2026-11-24T12:01:00Z"), alert("b", "2026-11-24T12:00:00Z")]
    expect(page.locator("#gateway-state")).to_have_text("2 of 3 replicas up", timeout=WAIT_MS)
    expect(page.locator("#p95")).to_have_text("–")
    expect(page.locator('[data-breaker="request"]')).to_have_text("open in 2 of 3")
    expect(page.locator('[data-breaker="user"]')).to_have_text("half-open")
    one = page.locator('[data-alert="CircuitBreakerOpen"]')
    expect(one).to_contain_text("CircuitBreakerOpen request fires in 2 pods since", timeout=WAIT_MS)


def test_an_unknown_gateway_differs_from_an_unreachable_prometheus(page: Page, prometheus: StubPrometheus) -> None:
    prometheus.vector = []
    expect(page.locator("#gateway-state")).to_have_text("Prometheus has no replica", timeout=WAIT_MS)
    prometheus.shutdown()
    prometheus.server_close()
    expect(page.locator("#gateway-state")).to_have_text("unknown: cannot reach Prometheus", timeout=WAIT_MS)


def test_every_switch_and_link_works_or_tells_why(page: Page, prometheus: StubPrometheus) -> None:
    expect(page.locator("#kill")).to_be_hidden(timeout=WAIT_MS)
    expect(page.locator("#kill-how")).to_contain_text("To kill a replica, run kubectl -n bots delete")
    expect(page.locator("#metrics-link")).to_be_hidden()
    silent = page.locator('[data-view="Alertmanager"]')
    expect(silent).to_contain_text("To open it, run kubectl -n monitoring port-forward svc/alertmanager")
    expect(silent.get_by_role("link")).to_have_count(0)
    jaeger = f"http://localhost:{prometheus.server_port}"
    expect(page.locator('[data-view="Jaeger"]').get_by_role("link")).to_have_attribute("href", jaeger)
    traces = page.locator("#traces-elsewhere").get_by_role("link", name="are in Jaeger")
    expect(traces).to_have_attribute("href", f"{jaeger}/search?service=Bot+Gateway+Service")
    page.click("#invalid")
    expect(page.locator("#fault-status")).to_have_text("the bot has set no webhook")


def test_without_a_service_account_the_operator_section_tells_what_to_do(page: Page) -> None:
    said = "The sandbox has no service account. Install its chart with remediations.show=true."
    expect(page.locator("#operator")).to_have_text(said, timeout=WAIT_MS)
