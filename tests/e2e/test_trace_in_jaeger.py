"""The documented trace of one update, read back from Jaeger."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from support.kubectl import wait_for

if TYPE_CHECKING:
    from conftest import Product

SERVICE = "Bot Gateway Service"


def traces(product: Product, operation: str) -> list[dict[str, Any]]:
    response = httpx.get(
        f"{product.jaeger_url}/api/traces",
        params={"service": SERVICE, "operation": operation, "limit": 100, "lookback": "1h"},
        timeout=20,
    )
    found: list[dict[str, Any]] = response.raise_for_status().json()["data"]
    return found


def parents(trace: dict[str, Any]) -> dict[str, str | None]:
    """Each span's operation with the operation of its parent."""
    by_id = {span["spanID"]: span for span in trace["spans"]}
    result: dict[str, str | None] = {}
    for span in trace["spans"]:
        parent = next((by_id.get(ref["spanID"]) for ref in span["references"] if ref["refType"] == "CHILD_OF"), None)
        result[span["operationName"]] = parent["operationName"] if parent else None
    return result


def services(trace: dict[str, Any]) -> set[str]:
    return {process["serviceName"] for process in trace["processes"].values()}


def test_the_list_of_requests_leaves_the_documented_trace(healthy: Product) -> None:
    listing = "Request Service: GET /api/v1/requests"

    def found() -> dict[str, Any] | None:
        # A user requests the list; sampling is 1 in the test's values.
        healthy.control("POST", "/updates", user_id=1001, text="/requests")
        for trace in traces(healthy, "/webhook"):
            spans = parents(trace)
            if listing in spans and "Telegram: sendMessage" in spans and "Request Service" in services(trace):
                return trace
        return None

    trace = wait_for("a trace of the list of requests", found, seconds=120, every=5)
    spans = parents(trace)
    assert spans["/webhook"] is None
    assert spans["Auth Middleware"] is not None
    assert "Redis: GET user" in spans
    assert spans[listing] == spans["Telegram: sendMessage"]
    tags = {tag["key"] for span in trace["spans"] for tag in span["tags"]}
    assert {"user_id", "message_type"} <= tags
    database = [span for span in trace["spans"] if any(tag["key"] == "db.system" for tag in span["tags"])]
    assert database, "the Request Service's own database span belongs to the trace"
