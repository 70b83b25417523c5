"""The demo page in headless Chromium: chat, fault injection and views work.

UPDATE_PICTURES=1 writes the page's pictures in docs/pictures again.
"""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from support.chromium import CHROMIUM, WAIT_MS, opened
from support.ports import free_ports
from support.tools import ROOT, missing, tool

PICTURES = ROOT / "docs" / "pictures"

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason=missing("chromium")),
    pytest.mark.timeout(900),
]


PARTS = ("CONTROL", "TELEGRAM", "AUTH", "REQUEST", "USER", "SHIFT")
VIEWS = ("PROMETHEUS", "ALERTMANAGER", "JAEGER", "OTLP")


@contextmanager
def demo(folder: Path, **settings: str) -> Iterator[str]:
    """Start a demo and yield the page's address after its conversation."""
    names = ["DEMO_GATEWAY", *(f"SANDBOX_{name}" for name in PARTS), *(f"DEMO_{name}" for name in VIEWS)]
    ports = {f"{name}_PORT": str(port) for name, port in zip(names, free_ports(len(names)), strict=True)}
    fixed = {"DEMO_RUN_DIR": str(folder), "DEMO_TRAFFIC_RATE": "0", "DEMO_READY_TIMEOUT_SECONDS": "400"}
    command = [sys.executable, "-m", "sandbox", "demo"]
    with subprocess.Popen(
        command, env=os.environ | ports | fixed | settings, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            assert any("Try it" in line for line in process.stdout), "the demo ended before its conversation was over"
            yield f"http://localhost:{ports['SANDBOX_CONTROL_PORT']}"
        finally:
            process.send_signal(signal.SIGTERM)
            process.stdout.read()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A demo with all programs on PATH."""
    with demo(tmp_path_factory.mktemp("run")) as served:
        yield served


@pytest.fixture(scope="module")
def bare_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A demo as on a machine that has neither Prometheus nor Alertmanager nor Jaeger."""
    with demo(tmp_path_factory.mktemp("bare"), DEMO_MONITORING="false") as served:
        yield served


@pytest.fixture
def page(browser: Browser, address: str) -> Iterator[Page]:
    with opened(browser, address) as page:
        yield page
        page.request.delete(f"{address}/faults")
        page.request.post(f"{address}/traffic", data={"rate": 0})


@pytest.fixture
def monitored(page: Page) -> Page:
    """The page where Prometheus, Alertmanager and Jaeger are there."""
    for program in ("prometheus", "alertmanager", "jaeger"):
        tool(program)
    return page


def picture(page: Page, name: str) -> None:
    """Take the README's pictures, dark and light."""
    if os.environ.get("UPDATE_PICTURES") != "1":
        return
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        page.screenshot(path=PICTURES / f"demo-{name}-{theme}.png", full_page=True)


def select_person(page: Page, role: str, language: str) -> None:
    page.select_option("#role", role)
    page.select_option("#language", language)


def shortcut(page: Page, name: str) -> None:
    page.locator("#shortcuts").get_by_role("button", name=name).click()


def inject_fault(page: Page, service: str, how: str) -> None:
    page.locator(f'tr[data-service="{service}"]').get_by_role("button", name=how).click()


@pytest.mark.parametrize(
    ("language", "words"), [("en", "What is your request about?"), ("ru", "заявка"), ("uz", "ariza")]
)
def test_a_dialogue_in_every_language(page: Page, language: str, words: str) -> None:
    select_person(page, "applicant", language)
    shortcut(page, "/newrequest")
    asked = page.locator(".message:not(.own)").last
    expect(asked.get_by_role("button")).to_have_count(7, timeout=WAIT_MS)
    expect(asked).to_contain_text(words, ignore_case=True, timeout=WAIT_MS)
    asked.get_by_role("button").first.click()
    expect(page.locator(".message:not(.own)").last.get_by_role("button")).to_have_count(1, timeout=WAIT_MS)
    expect(page.locator("#tree")).to_contain_text("Bot Gateway: /webhook", timeout=WAIT_MS)


@pytest.mark.parametrize(("role", "command"), [("executor", "/shifts"), ("manager", "/admin"), ("admin", "/admin")])
def test_every_role_is_served(page: Page, role: str, command: str) -> None:
    select_person(page, role, "en")
    shortcut(page, command)
    answer = page.locator(".message:not(.own)").last
    expect(answer.get_by_role("button").first).to_be_visible(timeout=WAIT_MS)


def test_a_backend_that_is_down_opens_its_breaker(page: Page) -> None:
    select_person(page, "executor", "en")
    inject_fault(page, "shift", "down")
    breaker = page.locator('[data-breaker="shift"]')
    for _ in range(8):
        page.fill("#text", "/myshifts")
        page.press("#text", "Enter")
    expect(breaker).to_have_text("open", timeout=WAIT_MS)
    inject_fault(page, "shift", "healthy")
    expect(breaker).to_have_text("closed", timeout=80_000)


def test_invalid_updates_are_counted(page: Page) -> None:
    page.click("#invalid")
    expect(page.locator("#fault-status")).to_contain_text('{"400":100}', timeout=WAIT_MS)
    expect(page.locator("#errors")).not_to_have_text("0", timeout=WAIT_MS)


def test_a_killed_gateway_restarts(page: Page) -> None:
    expect(page.locator("#gateway-state")).to_have_text("up", timeout=WAIT_MS)
    page.click("#kill")
    expect(page.locator("#gateway-state")).to_have_text("down", timeout=WAIT_MS)
    expect(page.locator("#gateway-state")).to_have_text("up", timeout=150_000)
    select_person(page, "applicant", "en")
    shortcut(page, "/help")
    expect(page.locator(".message:not(.own)").last).to_contain_text("/newrequest", timeout=WAIT_MS)


@pytest.mark.parametrize("how", ["slow", "failing"])
def test_a_fault_is_visible_in_the_trace_and_can_be_removed(page: Page, how: str) -> None:
    select_person(page, "executor", "en")
    # Failed probes of the test before may have opened it; then no call would reach the backend.
    expect(page.locator('[data-breaker="shift"]')).to_have_text("closed", timeout=80_000)
    inject_fault(page, "shift", how)
    expect(page.locator("#fault-status")).to_have_text(f"The shift service is now {how}.")
    shortcut(page, "/myshifts")
    took = r"\[5\d{3}ms\]" if how == "slow" else r"\[\d+ms\] FAILED"
    call = re.compile(rf"Shift Service: GET /api/v1/shifts {took}")
    expect(page.locator("#tree")).to_contain_text(call, timeout=WAIT_MS)
    page.click("#remove-faults")
    healthy = page.locator('tr[data-service="shift"]').get_by_role("button", name="healthy")
    expect(healthy).to_have_attribute("aria-pressed", "true")


def test_telegram_fails_once_on_demand(page: Page) -> None:
    select_person(page, "applicant", "en")
    page.select_option("#telegram-error", "blocked")
    expect(page.locator("#fault-status")).to_have_text("Telegram responds to the bot's next message with blocked.")
    replies = page.locator(".message:not(.own)")
    before = replies.count()
    shortcut(page, "/help")
    expect(page.locator("#telegram-error")).to_have_value("", timeout=WAIT_MS)
    shortcut(page, "/help")
    expect(replies).to_have_count(before + 1, timeout=WAIT_MS)


def test_traffic_rate_is_shown(page: Page) -> None:
    page.select_option("#traffic", "20")
    expect(page.locator("#rate")).to_have_text(re.compile(r"^[1-9]\d+\.\d$"), timeout=WAIT_MS)
    page.select_option("#traffic", "0")
    expect(page.locator("#rate")).to_have_text(re.compile(r"^\d\.\d$"), timeout=80_000)


@pytest.mark.parametrize(
    ("name", "question", "answer"),
    [
        ("Prometheus", "/api/v1/query?query=bot_gateway_build_info", '"pod":"bot-gateway"'),
        ("Alertmanager", "/api/v2/alerts", "Watchdog"),
        ("Jaeger", "/api/services", "Bot Gateway Service"),
    ],
)
def test_every_view_is_linked_and_knows_the_gateway(monitored: Page, name: str, question: str, answer: str) -> None:
    """Its API is asked: whether its pages are in the program depends on how that was built."""
    address = monitored.locator("#views").get_by_role("link", name=name).get_attribute("href")
    deadline = time.monotonic() + WAIT_MS / 1000
    while answer not in (said := monitored.request.get(f"{address}{question}").text()):
        assert time.monotonic() < deadline, said
        monitored.wait_for_timeout(1000)


def test_the_trace_on_the_page_is_in_jaeger(monitored: Page) -> None:
    select_person(monitored, "applicant", "en")
    shortcut(monitored, "/requests")
    link = monitored.locator("#jaeger-link")
    expect(link).to_be_visible(timeout=WAIT_MS)
    address = link.get_attribute("href")
    assert address is not None
    found = monitored.request.get(address.replace("/trace/", "/api/traces/"))
    assert "Bot Gateway Service" in found.text()
    picture(monitored, "chat")


@pytest.mark.timeout(1500)
def test_an_outage_fires_the_alert_and_the_operator_explains_why_it_does_not_act(monitored: Page) -> None:
    select_person(monitored, "applicant", "en")
    monitored.select_option("#traffic", "2")
    inject_fault(monitored, "request", "down")
    alert = monitored.locator('[data-alert="CircuitBreakerOpen"]')
    expect(alert).to_have_attribute("data-state", "pending", timeout=WAIT_MS)
    expect(alert).to_have_attribute("data-state", "firing", timeout=300_000)
    operator = monitored.locator("#operator")
    expect(operator).to_contain_text("CircuitBreakerOpen fires on bot-gateway", timeout=WAIT_MS)
    expect(operator).to_contain_text("the failure is shared and a restart does not help", timeout=300_000)
    shortcut(monitored, "/requests")
    monitored.wait_for_timeout(3000)  # the picture shows the answer and its trace
    picture(monitored, "outage")
    monitored.click("#remove-faults")
    expect(alert).to_have_count(0, timeout=300_000)
    expect(operator.locator("li").first).to_contain_text("The alert does not fire now", timeout=300_000)


def test_missing_programs_are_shown_with_instructions(browser: Browser, bare_address: str) -> None:
    with opened(browser, bare_address) as page:
        expect(page.locator("#alerts")).to_contain_text("Prometheus is not running")
        expect(page.locator("#operator")).to_contain_text("With Prometheus and Alertmanager on PATH")
        for name in ("Prometheus", "Alertmanager", "Jaeger"):
            view = page.locator(f'[data-view="{name}"]')
            expect(view).to_contain_text(f"{name} is not running")
            expect(view).to_contain_text(f"put {name.lower()} on PATH")
        expect(page.locator("#jaeger-link")).to_be_hidden()
