from pathlib import Path

import pytest

from app.core.docs import PAGES

DOCS = Path(__file__).parents[4] / "docs"


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text("utf-8") == PAGES[name](), "run `make generate`"
