"""In a browser, with data from a Prometheus that scraped the product, each dashboard shows its panels.

PROM_URL names that Prometheus; DASHBOARD_NAMESPACE and DASHBOARD_JOB the gateway, where it is not the first found;
DASHBOARD_RANGE the seconds to look back, where it is not each dashboard's own range; DASHBOARD_UNTIL the Unix time to
look back from, where it is not now. UPDATE_PICTURES=1 writes the pictures of docs/pictures again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from dashboards import preview_server
from dashboards.committed import all_dashboards
from dashboards.may_be_empty import MAY_BE_EMPTY

PROM_URL = os.environ.get("PROM_URL", "")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
PICTURES = Path(__file__).resolve().parents[2] / "docs" / "pictures"
DASHBOARDS = [(Path(file).stem, board["uid"], board["title"]) for file, board in all_dashboards().items()]
WIDTH, HEIGHT = 1600, 1000
SETTLED = """() => window.panels?.().length > 0
  && window.panels().every((panel) => panel.state === 'Done' || panel.state === 'Error')
  && window.variables().every((variable) => !variable.loading)"""
ROUNDS = 10
PATIENCE_MS = 180_000
DRAWN_MS = 1_000
"""Between the last answer and its picture: React renders, uPlot draws, fonts arrive."""

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not PROM_URL, reason="PROM_URL names no Prometheus that scraped the product"),
    pytest.mark.skipif(not CHROMIUM, reason="Chromium is not installed (set CHROMIUM to its path)"),
    pytest.mark.skipif(not preview_server.npm(), reason="Node is not installed"),
]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The preview in front of PROM_URL."""
    preview_server.build()
    with preview_server.serve(PROM_URL) as served:
        yield served


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield chromium
        chromium.close()


class Shown:
    """A page, and what it did that it must not."""

    def __init__(self, page: Page, address: str) -> None:
        self.page = page
        self.address = address
        self.outside: list[str] = []
        self.crashes: list[str] = []
        page.on("pageerror", lambda error: self.crashes.append(str(error)))
        # Fetched by Playwright: Chromium itself drops every request when a network interface comes or goes, as it does
        # on a machine whose cluster starts a pod.
        page.route("**/*", self._answer)

    def _answer(self, route: Route) -> None:
        if route.request.url.startswith(self.address):
            route.fulfill(response=route.fetch())
        else:
            self.outside.append(route.request.url)
            route.abort()

    def open(self, uid: str, **parameters: str) -> None:
        """Open a dashboard and wait until everything on it has its answer."""
        chosen = {"refresh": "", "kiosk": ""}
        if seconds := int(os.environ.get("DASHBOARD_RANGE", "0")):
            until = int(os.environ.get("DASHBOARD_UNTIL", "0"))
            past = {"from": str((until - seconds) * 1000), "to": str(until * 1000)}
            chosen |= past if until else {"from": f"now-{seconds // 60}m", "to": "now"}
        for variable in ("namespace", "job"):
            if value := os.environ.get(f"DASHBOARD_{variable.upper()}"):
                chosen[f"var-{variable}"] = value
        self.page.goto(f"{self.address}/d/{uid}?{urlencode(chosen | parameters)}")
        self.settle()

    def settle(self) -> None:
        """Wait until the page has all answers and stays so: a variable's answer adds panels and asks others again."""
        for _ in range(ROUNDS):
            self.page.wait_for_function(SETTLED, timeout=PATIENCE_MS)
            self.page.wait_for_timeout(DRAWN_MS)
            if self.page.evaluate(SETTLED):
                return
        raise AssertionError(f"{self.page.url} asks again and again")

    def ask(self, what: str) -> list[dict[str, Any]]:
        """The page's own report on its panels, variables or annotations."""
        answer: list[dict[str, Any]] = self.page.evaluate(f"window.{what}()")
        return answer

    def picture(self, path: Path) -> None:
        height = self.page.evaluate("document.getElementById('root').scrollHeight")
        self.page.set_viewport_size({"width": WIDTH, "height": height})
        self.page.wait_for_timeout(DRAWN_MS)
        self.page.screenshot(path=path)


@pytest.fixture
def shown(browser: Browser, address: str) -> Iterator[Shown]:
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    yield Shown(page, address)
    page.close()


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    if os.environ.get("UPDATE_PICTURES") != "1":
        return tmp_path
    PICTURES.mkdir(parents=True, exist_ok=True)
    return PICTURES


@pytest.mark.parametrize("theme", ["dark", "light"])
@pytest.mark.parametrize(("name", "uid", "title"), DASHBOARDS)
def test_dashboard_shows_all_panels_with_data(
    shown: Shown, pictures: Path, name: str, uid: str, title: str, theme: str
) -> None:
    shown.open(uid, theme=theme)
    shown.picture(pictures / f"dashboard-{name}-{theme}.png")
    panels, variables, annotations = shown.ask("panels"), shown.ask("variables"), shown.ask("annotations")

    board = title.removeprefix("Bot Gateway - ")
    full = [panel for panel in panels if panel["points"] > 0]
    print(f"{title} ({theme}): {len(full)} of {len(panels)} panels have data")

    assert not [panel for panel in panels if panel["state"] != "Done" or panel.get("error")], "panels failed"
    empty = [panel for panel in panels if panel["points"] == 0]
    assert not [panel["title"] for panel in empty if f"{board}: {panel['template']}" not in MAY_BE_EMPTY], "no data"
    assert not [(panel["title"], panel["unknownOptions"]) for panel in panels if panel["unknownOptions"]]
    assert not [variable for variable in variables if variable["values"] == 0 or variable.get("error")]
    assert not [annotation for annotation in annotations if annotation.get("error")]
    assert shown.outside == []
    assert shown.crashes == []


def test_link_leads_to_another_dashboard_with_the_same_time(shown: Shown) -> None:
    (_, first, _), (_, second, title), *_ = DASHBOARDS
    shown.open(first, **{"from": "now-20m", "to": "now"})
    time = _time(shown.page.url)
    name = title.partition(" - ")[2]
    shown.page.get_by_role("button", name=name, exact=True).first.click()
    shown.page.wait_for_url(f"**/d/{second}*")
    shown.settle()

    expect(shown.page).to_have_title(title)
    assert "var-namespace=" in shown.page.url
    assert _time(shown.page.url) == time


def _time(url: str) -> tuple[list[str], list[str]]:
    parameters = parse_qs(urlsplit(url).query)
    return parameters["from"], parameters["to"]


def test_list_names_every_dashboard(shown: Shown) -> None:
    shown.page.goto(shown.address)

    for _, _, title in DASHBOARDS:
        expect(shown.page.get_by_role("link", name=title)).to_be_visible()
