"""examples/handler, installed as its README says: the router before the others, the command among the bot's."""

from __future__ import annotations

from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from app.bot import setup
from support.programs import load_program

REQUEST = {
    "id": 7, "number": "R-7", "category": "plumbing", "description": "The tap drips", "address": "Main Street 1",
    "urgency": "normal", "status": "new", "applicant_id": 7,
    "created_at": "2026-03-02T10:00:00Z", "updated_at": "2026-03-02T10:00:00Z",
}  # fmt: skip


@pytest.fixture(autouse=True)
def installed(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The example's router among the bot's; before `user`, which builds the dispatcher."""
    example = load_program("examples/handler/last_request.py")
    monkeypatch.setattr(setup, "_ROUTERS", (example.router, *setup._ROUTERS))
    return example


async def test_it_replies_with_the_newest_request(user: Any) -> None:
    user.sign_in()
    user.backends.responses["GET /api/v1/requests"] = (200, {"items": [REQUEST], "total": 1, "page": 1, "pages": 1})
    await user.send("/last")
    (text,) = user.said()
    assert "The tap drips" in text


async def test_who_has_none_is_told_how_to_file_one(user: Any) -> None:
    user.sign_in()
    user.backends.responses["GET /api/v1/requests"] = (200, {"items": [], "total": 0, "page": 1, "pages": 1})
    await user.send("/last")
    assert ["/newrequest" in text for text in user.said()] == [True]


async def test_a_backend_that_fails_gives_the_default_error_message(user: Any) -> None:
    user.sign_in()
    user.backends.default = (500, {"error": {"code": "down", "message": ""}})
    await user.send("/last")
    assert len(user.said()) == 1
