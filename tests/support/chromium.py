"""A page in headless Chromium."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
WAIT_MS = 90_000
"""How long a busy machine may need for what takes no time."""


@contextmanager
def opened(browser: Browser, address: str) -> Iterator[Page]:
    """An address in a window of its own; a script's error fails the test at the end."""
    page = browser.new_page(viewport={"width": 1300, "height": 860})
    page.set_default_timeout(WAIT_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(address)
    yield page
    page.close()
    assert errors == []
