"""A cluster's gateway as Prometheus knows it: the expression, its answer, and whose alerts are shown."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer

from sandbox.control.client import Client
from sandbox.control.prometheus import Prometheus, gateway_numbers, gateway_query
from sandbox.settings import Settings
from support.tools import run, tool

OURS = 'namespace="bots",job="bot-gateway"'
OTHERS = ('namespace="others",job="bot-gateway"', 'namespace="bots",job="second"')
STATE = "bot_gateway_service_circuit_breaker_state"
BUCKET = "bot_gateway_message_processing_duration_seconds_bucket"


def series(name: str, labels: str, values: str) -> dict[str, str]:
    return {"series": f"{name}{{{labels}}}", "values": values}


def of_one_release(labels: str) -> list[dict[str, str]]:
    """Three replicas, one of them down; counters grow by so much every 15 s."""
    found = [series("up", f'{labels},pod="{pod}"', f"{up}x20") for pod, up in (("a", 1), ("b", 1), ("c", 0))]
    for pod, grows in (("a", 15), ("b", 30)):
        of_pod = f'{labels},pod="{pod}"'
        found += [
            series("bot_gateway_messages_total", f'{of_pod},message_type="text",user_role="admin"', f"0+{grows}x20"),
            series("bot_gateway_callbacks_total", f'{of_pod},callback_type="page",user_role="admin"', "0+15x20"),
            series("bot_gateway_errors_total", f'{of_pod},error_type="handler"', "0+3x20"),
            series(BUCKET, f'{of_pod},le="0.1"', "0+14x20"),
            series(BUCKET, f'{of_pod},le="0.5"', "0+15x20"),
            series(BUCKET, f'{of_pod},le="+Inf"', "0+15x20"),
            series(STATE, f'{of_pod},service_name="auth"', "0x20"),
        ]
    return [
        *found,
        series(STATE, f'{labels},pod="a",service_name="request"', "1x20"),
        series(STATE, f'{labels},pod="b",service_name="request"', "2x20"),
    ]


def test_the_query_is_valid_and_selects_this_release_only(tmp_path: Path) -> None:
    expected = [
        ('{number="replicas"}', 3),
        ('{number="replicas_up"}', 2),
        ('{number="rate"}', 5),
        ('{number="p95"}', 0.2),
        ('{number="errors"}', 0.4),
        ('{number="breaker",service_name="auth",state="0"}', 2),
        ('{number="breaker",service_name="request",state="1"}', 1),
        ('{number="breaker",service_name="request",state="2"}', 1),
    ]
    question = {
        "expr": f"round(1000 * ({gateway_query('bots', 'bot-gateway')}))",
        "eval_time": "5m",
        "exp_samples": [{"labels": labels, "value": 1000 * value} for labels, value in expected],
    }
    given = [one for labels in (OURS, *OTHERS) for one in of_one_release(labels)]
    test = {"interval": "15s", "input_series": given, "promql_expr_test": [question]}
    (tmp_path / "test.yaml").write_text(yaml.safe_dump({"tests": [test]}))
    done = run(tool("promtool"), "test", "rules", str(tmp_path / "test.yaml"))
    assert done.returncode == 0, done.stdout + done.stderr


def sample(value: str, **labels: str) -> dict[str, Any]:
    return {"metric": labels, "value": [0, value]}


def test_the_worst_breaker_state_and_its_pods_are_returned() -> None:
    numbers = gateway_numbers(
        [
            sample("3", number="replicas"),
            sample("2", number="replicas_up"),
            sample("4.5", number="rate"),
            sample("NaN", number="p95"),
            sample("0.25", number="errors"),
            sample("1", number="breaker", service_name="request", state="0"),
            sample("2", number="breaker", service_name="request", state="2"),
            sample("1", number="breaker", service_name="user", state="2"),
            sample("1", number="breaker", service_name="user", state="1"),
        ]
    )
    assert numbers == {
        "replicas": 3,
        "replicas_up": 2,
        "rate": 4.5,
        "p95": None,
        "errors": 0.25,
        "breakers": {"request": {"state": 2, "pods": 2, "of": 3}, "user": {"state": 1, "pods": 1, "of": 2}},
    }


def test_an_unknown_gateway_has_no_metrics() -> None:
    assert gateway_numbers([]) == {
        "replicas": 0,
        "replicas_up": 0,
        "rate": 0.0,
        "p95": None,
        "errors": 0.0,
        "breakers": {},
    }


Ask = Callable[..., Awaitable[Prometheus]]


@pytest.fixture
async def prometheus() -> AsyncIterator[Ask]:
    """A Prometheus that answers one path with one `data`."""
    async with AsyncExitStack() as stack:

        async def serving(path: str, data: object, **settings: Any) -> Prometheus:
            async def answer(request: web.Request) -> web.Response:
                return web.json_response({"data": data})

            app = web.Application()
            app.router.add_get(path, answer)
            server = await stack.enter_async_context(TestServer(app))
            client = Client()
            stack.push_async_callback(client.close)
            url = str(server.make_url("")).rstrip("/")
            return Prometheus(Settings(prometheus_url=url, **settings), client)

        yield serving


async def test_prometheus_metrics_are_used_on_a_cluster_only(prometheus: Ask) -> None:
    data = {"result": [sample("3", number="replicas")]}
    on_cluster = await prometheus("/api/v1/query", data, namespace="bots")
    assert on_cluster.shows_gateway
    assert (await on_cluster.numbers() or {})["replicas"] == 3
    assert not (await prometheus("/api/v1/query", data)).shows_gateway


async def test_an_unreachable_prometheus_has_no_metrics_and_no_alerts(prometheus: Ask) -> None:
    silent = await prometheus("/other", {}, namespace="bots")
    assert await silent.numbers() is None
    assert await silent.alerts() is None


async def test_only_alerts_of_this_release_are_shown(prometheus: Ask) -> None:
    labels = (
        {"alertname": "CircuitBreakerOpen", "service": "bot-gateway", "namespace": "bots", "gateway": "bot-gateway"},
        {"alertname": "CircuitBreakerOpen", "service": "bot-gateway", "namespace": "bots", "gateway": "second"},
        {"alertname": "HighErrorRate", "service": "bot-gateway", "namespace": "others", "gateway": "bot-gateway"},
        {"alertname": "KubePodCrashLooping", "namespace": "bots"},
    )
    data = {"alerts": [{"labels": of_one} for of_one in labels]}
    on_cluster = await prometheus("/api/v1/alerts", data, namespace="bots")
    assert await on_cluster.alerts() == [{"labels": labels[0]}]
    on_laptop = await prometheus("/api/v1/alerts", data)
    assert await on_laptop.alerts() == [{"labels": of_one} for of_one in labels[:3]]
