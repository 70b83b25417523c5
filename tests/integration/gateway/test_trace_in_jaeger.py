"""The documented example trace, span for span, through a real PostgreSQL, read back from a real Jaeger."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from redis.asyncio import Redis

from sandbox.demo.monitoring import jaeger_config
from sandbox.redis_server import free_port
from support.postgres_process import postgres
from support.tools import tool

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

GATEWAY = "Bot Gateway Service"
USER = 1001
POSTGRESQL = {"key": "db.system", "type": "string", "value": "postgresql"}
Tree = tuple[str, str, list[Any]]
"""A span's service, its name, and its children by the time of their starts."""


@asynccontextmanager
async def jaeger(directory: Path, otlp_port: int) -> AsyncIterator[str]:
    """A Jaeger that keeps traces in memory; yields the address of its API."""
    program = tool("jaeger")
    query_port = free_port()
    config = directory / "jaeger.json"
    config.write_text(json.dumps(jaeger_config(query_port, otlp_port, free_port())))
    with (directory / "jaeger.log").open("wb") as output:
        process = await asyncio.create_subprocess_exec(program, "--config", config, stdout=output, stderr=output)
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{query_port}") as session, asyncio.timeout(60):
            while not await _responses(session):  # noqa: ASYNC110 - another process tells nobody
                await asyncio.sleep(0.2)
        yield f"http://127.0.0.1:{query_port}"
    finally:
        process.terminate()
        await process.wait()


async def _responses(session: aiohttp.ClientSession) -> bool:
    try:
        async with session.get("/api/services") as response:
            return response.status == 200
    except aiohttp.ClientError:
        return False


async def search(url: str, operation: str, **tags: str) -> list[dict[str, Any]]:
    """The gateway's traces with this operation and these tags, as Jaeger's page looks for them."""
    query = {"service": GATEWAY, "operation": operation, "lookback": "1h", "limit": "100"}
    query |= {"tags": json.dumps(tags)} if tags else {}
    async with aiohttp.ClientSession() as session, session.get(f"{url}/api/traces", params=query) as response:
        response.raise_for_status()
        found: list[dict[str, Any]] = (await response.json())["data"]
        return found


def tree_of(trace: dict[str, Any]) -> Tree:
    """The trace from its root; how many statements a backend needs for one thing is its own business."""
    children: dict[str | None, list[dict[str, Any]]] = {}
    for span in trace["spans"]:
        parent = next((ref["spanID"] for ref in span["references"] if ref["refType"] == "CHILD_OF"), None)
        children.setdefault(parent, []).append(span)

    def grown(span: dict[str, Any]) -> Tree:
        below = sorted(children.get(span["spanID"], []), key=lambda child: child["startTime"])
        service = trace["processes"][span["processID"]]["serviceName"]
        return service, span["operationName"], [tree for tree, _same in itertools.groupby(map(grown, below))]

    [root] = children[None]
    return grown(root)


def span_named(trace: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [span for span in trace["spans"] if span["operationName"] == name]
    return {tag["key"]: tag["value"] for tag in found["tags"]}


async def identity_grows_old(redis_url: str) -> None:
    """What is known of the user is ten minutes old, so that the Auth Service is asked; the profile stays cached."""
    client: Redis = Redis.from_url(redis_url)
    await client.hset(f"bg:{{42:{USER}}}:ident:{USER}", "stored_at", int(time.time() - 600) * 1000)
    await client.aclose()


async def test_the_list_of_requests_leaves_the_documented_trace(make_world: Callable[..., Any], tmp_path: Path) -> None:
    otlp_port = free_port()
    with postgres() as database_url:
        async with jaeger(tmp_path, otlp_port) as jaeger_url:
            world = await make_world(
                flood_limits=False, database_url=database_url, otlp_endpoint=f"http://127.0.0.1:{otlp_port}"
            )
            await world.started(
                TELEGRAM_MESSAGES_PER_SECOND="0",
                TRACING_ENABLED="true",
                TRACING_SAMPLE_RATIO="1",
                JAEGER_HOST="127.0.0.1",
                JAEGER_PORT=str(otlp_port),
            )
            world.users.say(USER, "/requests")
            await world.all_handled(60)
            await identity_grows_old(world.redis.url)
            world.users.say(USER, "/requests")
            await world.all_handled(60)
            trace = await the_second(jaeger_url)
            assert await search(jaeger_url, "/webhook", user_id="4999", message_type="command") == []
            assert await search(jaeger_url, "process_message", user_id=str(USER), message_type="text") == []

    selects = "SELECT"
    assert tree_of(trace) == (
        GATEWAY,
        "/webhook",
        [
            (GATEWAY, "Redis: claim", []),
            (GATEWAY, "process_message", []),
            (
                GATEWAY,
                "Auth Middleware",
                [
                    (
                        GATEWAY,
                        "Auth Service: POST /api/v1/auth/verify",
                        [("Auth Service", "POST /api/v1/auth/verify", [("Auth Service", selects, [])])],
                    )
                ],
            ),
            (
                GATEWAY,
                "Request Handler",
                [
                    (GATEWAY, "Redis: GET user", []),
                    (
                        GATEWAY,
                        "Request Service: GET /api/v1/requests",
                        [("Request Service", "GET /api/v1/requests", [("Request Service", selects, [])])],
                    ),
                    (GATEWAY, "Telegram: sendMessage", []),
                ],
            ),
            (GATEWAY, "Metrics Middleware", []),
            (GATEWAY, "Redis: commit", []),
        ],
    )
    for name in ("/webhook", "process_message"):
        assert {"user_id": USER, "message_type": "command"}.items() <= span_named(trace, name).items()
    statements = [
        tag["value"]
        for span in trace["spans"]
        for tag in span["tags"]
        if tag["key"] == "db.statement"
        and {"key": "db.system", "type": "string", "value": "postgresql"} in span["tags"]
    ]
    assert any("FROM requests" in statement for statement in statements)


async def the_second(jaeger_url: str) -> dict[str, Any]:
    """The trace that asked the Auth Service although the profile was cached, once all its services have told."""
    async with asyncio.timeout(60):
        while True:
            by_tags = await search(jaeger_url, "process_message", user_id=str(USER), message_type="command")
            by_name = await search(jaeger_url, "/webhook")
            assert {trace["traceID"] for trace in by_tags} <= {trace["traceID"] for trace in by_name}
            for trace in by_tags:
                services = {process["serviceName"] for process in trace["processes"].values()}
                if services == {GATEWAY, "Auth Service", "Request Service"}:
                    return trace
            await asyncio.sleep(0.5)
