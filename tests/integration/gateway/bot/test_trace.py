"""The trace in docs/monitoring.md: the spans under `/webhook` when a user lists their requests."""

from collections.abc import Iterator
from copy import copy
from typing import Any

import pytest

from app.core import tracing
from app.core.tracer_provider import LightSpan
from app.core.tracing import Recording, Sink, create_span

USER = {"id": 7, "telegram_id": 1001, "name": "Aziz", "role": "applicant", "language": "en"}


@pytest.fixture
def traces() -> Iterator[list[Recording]]:
    kept: list[Recording] = []

    def finish(recording: Recording, _root: LightSpan) -> bool:
        kept.append(copy(recording))
        return True

    tracing.install(Sink(lambda: True, finish))
    yield kept
    tracing.install(Sink())


def tree(recording: Recording, parent: int | None = None) -> list[Any]:
    children = sorted((span for span in recording.spans if span.parent_id == parent), key=lambda span: span.start_ns)
    return [(span.name, tree(recording, span.span_id)) for span in children]


async def test_the_list_of_requests_makes_the_documented_trace(user: Any, traces: list[Recording]) -> None:
    user.backends.responses["POST /api/v1/auth/verify"] = (200, {**USER, "user_id": 7, "blocked": False})
    user.backends.responses["GET /api/v1/users/7"] = (200, USER)
    user.backends.responses["GET /api/v1/requests"] = (200, {"items": [], "page": 1, "pages": 1, "total": 0})
    await user.send("/requests")
    user.cached = None
    traces.clear()
    with create_span("/webhook"):
        await user.send("/requests")
    assert tree(traces[0]) == [
        (
            "/webhook",
            [
                ("Auth Middleware", [("Auth Service: POST /api/v1/auth/verify", [])]),
                (
                    "Request Handler",
                    [("Redis: GET user", []), ("Request Service: GET /api/v1/requests", [])],
                ),
                ("Metrics Middleware", []),
            ],
        )
    ]


async def test_a_failed_backend_marks_the_trace(user: Any, traces: list[Recording]) -> None:
    user.sign_in()
    user.backends.responses["GET /api/v1/requests/5"] = (500, {})
    with create_span("/webhook"):
        await user.press("ro:5:1")
    assert traces[0].failed
