"""The demo page in headless Chromium: one chats, and each switch leads to what it promises."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from sandbox.redis_server import free_port

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WAIT_MS = 40_000

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on PATH"),
    pytest.mark.timeout(300),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A demo that has played its conversation."""
    names = (
        "DEMO_GATEWAY",
        *(f"SANDBOX_{n}" for n in ("CONTROL", "TELEGRAM", "AUTH", "REQUEST", "USER", "SHIFT")),
    )
    ports = {f"{name}_PORT": str(free_port()) for name in names}
    run_dir = str(tmp_path_factory.mktemp("run"))
    environment = (
        os.environ | ports | {"DEMO_RUN_DIR": run_dir, "DEMO_TRAFFIC_RATE": "0", "DEMO_READY_TIMEOUT_SECONDS": "200"}
    )
    command = [sys.executable, "-m", "sandbox", "demo"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as demo:
        assert demo.stdout is not None
        try:
            assert any("Try it" in line for line in demo.stdout), "the demo ended before its conversation was over"
            yield f"http://localhost:{ports['SANDBOX_CONTROL_PORT']}"
        finally:
            demo.send_signal(signal.SIGTERM)
            demo.stdout.read()


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": 1300, "height": 860})
        opened.set_default_timeout(WAIT_MS)
        errors: list[str] = []
        opened.on("pageerror", lambda error: errors.append(str(error)))
        opened.goto(address)
        yield opened
        browser.close()
    assert errors == []


def become(page: Page, role: str, language: str) -> None:
    page.select_option("#role", role)
    page.select_option("#language", language)


def shortcut(page: Page, name: str) -> None:
    page.locator("#shortcuts").get_by_role("button", name=name).click()


def make(page: Page, service: str, how: str) -> None:
    page.locator(f'tr[data-service="{service}"]').get_by_role("button", name=how).click()


@pytest.mark.parametrize(
    ("language", "words"), [("en", "What is your request about?"), ("ru", "заявка"), ("uz", "ariza")]
)
def test_a_dialogue_in_every_language(page: Page, language: str, words: str) -> None:
    become(page, "applicant", language)
    shortcut(page, "/newrequest")
    asked = page.locator(".message:not(.own)").last
    expect(asked.get_by_role("button")).to_have_count(7, timeout=WAIT_MS)
    expect(asked).to_contain_text(words, ignore_case=True, timeout=WAIT_MS)
    asked.get_by_role("button").first.click()
    expect(page.locator(".message:not(.own)").last.get_by_role("button")).to_have_count(1, timeout=WAIT_MS)
    expect(page.locator("#tree")).to_contain_text("Bot Gateway: /webhook", timeout=WAIT_MS)


@pytest.mark.parametrize(("role", "command"), [("executor", "/shifts"), ("manager", "/admin"), ("admin", "/admin")])
def test_every_role_is_served(page: Page, role: str, command: str) -> None:
    become(page, role, "en")
    shortcut(page, command)
    answer = page.locator(".message:not(.own)").last
    expect(answer.get_by_role("button").first).to_be_visible(timeout=WAIT_MS)


def test_a_backend_that_is_down_opens_its_breaker_and_heals(page: Page) -> None:
    become(page, "executor", "en")
    make(page, "shift", "down")
    breaker = page.locator('[data-breaker="shift"]')
    for _ in range(8):
        page.fill("#text", "/myshifts")
        page.press("#text", "Enter")
    expect(breaker).to_have_text("open", timeout=WAIT_MS)
    make(page, "shift", "well")
    expect(breaker).to_have_text("closed", timeout=80_000)


def test_invalid_updates_are_counted(page: Page) -> None:
    page.click("#invalid")
    expect(page.locator("#trouble-said")).to_contain_text('{"400":100}', timeout=WAIT_MS)
    expect(page.locator("#errors")).not_to_have_text("0", timeout=WAIT_MS)


def test_a_killed_gateway_comes_back(page: Page) -> None:
    expect(page.locator("#gateway-state")).to_have_text("up", timeout=WAIT_MS)
    page.click("#kill")
    expect(page.locator("#gateway-state")).to_have_text("down", timeout=WAIT_MS)
    expect(page.locator("#gateway-state")).to_have_text("up", timeout=150_000)
    become(page, "applicant", "en")
    shortcut(page, "/help")
    expect(page.locator(".message:not(.own)").last).to_contain_text("/newrequest", timeout=WAIT_MS)


def test_it_says_what_is_missing(page: Page) -> None:
    expect(page.locator("#alerts")).to_contain_text("No Prometheus here", timeout=WAIT_MS)
