"""A trace is printed like the documented example."""

from typing import Any

from sandbox.traces.receiver import Span
from sandbox.traces.tree import trace_tree

CLIENT, SERVER = 3, 2


def span(number: int, parent: int, name: str, milliseconds: int, **more: Any) -> Span:
    fields = {
        "trace_id": "t",
        "span_id": f"s{number}",
        "parent_id": f"s{parent}" if parent else "",
        "service": "Bot Gateway Service",
        "name": name,
        "kind": 1,
        "start_ns": number,
        "end_ns": number + milliseconds * 1_000_000,
        "attributes": {},
        "failed": False,
    }
    return Span(**fields | more)


SELECT = {"db.system": "postgresql", "db.statement": "SELECT requests.id, requests.status \nFROM requests"}

TRACE = [
    span(1, 0, "/webhook", 200),
    span(2, 1, "Auth Middleware", 10),
    span(3, 2, "Auth Service: POST /api/v1/auth/verify", 5, kind=CLIENT),
    span(4, 1, "Request Handler", 180),
    span(5, 4, "Redis: GET user:123", 2, attributes={"db.system": "redis"}),
    span(6, 4, "Request Service: GET /api/v1/requests", 50, kind=CLIENT),
    span(7, 6, "GET /api/v1/requests", 48, kind=SERVER, service="Request Service"),
    span(8, 7, "SELECT company", 40, kind=CLIENT, service="Request Service", attributes=SELECT),
    span(9, 4, "Telegram: sendMessage", 120, failed=True),
]


def test_tree() -> None:
    assert trace_tree(TRACE).splitlines() == [
        "Bot Gateway: /webhook [200ms]",
        "├─ Auth Middleware [10ms]",
        "│  └─ Auth Service: POST /api/v1/auth/verify [5ms]",
        "└─ Request Handler [180ms]",
        "   ├─ Redis: GET user:123 [2ms]",
        "   ├─ Request Service: GET /api/v1/requests [50ms]",
        "   │  └─ PostgreSQL: SELECT … FROM requests [40ms]",
        "   └─ Telegram: sendMessage [120ms] FAILED",
    ]


def test_spans_whose_parent_is_missing_are_roots() -> None:
    assert trace_tree([span(5, 4, "later", 1), span(6, 5, "child", 1)]).splitlines() == [
        "Bot Gateway: later [1ms]",
        "└─ child [1ms]",
    ]
