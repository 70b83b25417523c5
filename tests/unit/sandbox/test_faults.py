"""Faults strike the service, the share of calls and the client they are meant for."""

from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from sandbox.faults import FaultRegistry, FaultSpec, faults_middleware


def spec(**wanted: object) -> FaultSpec:
    return FaultSpec.model_validate({"service": "auth", "kind": "error", **wanted})


@pytest.fixture
def board() -> FaultRegistry:
    return FaultRegistry()


@pytest.fixture
async def client(board: FaultRegistry, virtual_time) -> AsyncIterator[TestClient]:
    async def fine(request: web.Request) -> web.Response:
        return web.Response(text="fine")

    async def sleep(seconds: float) -> None:
        virtual_time.now += seconds

    answer = lambda fault: web.Response(status=fault.status)  # noqa: E731 - one line
    app = web.Application(middlewares=[faults_middleware(board, "auth", answer, sleep)])
    for path in ("/api", "/healthz", "/metrics"):
        app.router.add_get(path, fine)
    async with TestClient(TestServer(app)) as client:
        yield client


async def status(client: TestClient, path: str = "/api") -> int:
    async with client.get(path) as response:
        return response.status


async def test_an_error_affects_calls_and_health_but_not_metrics(client, board) -> None:
    board.add(spec(status=503))
    assert [await status(client, path) for path in ("/api", "/healthz", "/metrics")] == [503, 503, 200]


async def test_latency_delays_the_response(client, board, virtual_time) -> None:
    before = virtual_time.now
    board.add(spec(kind="latency", latency_seconds=3))
    assert await status(client) == 200
    assert virtual_time.now - before == 3


@pytest.mark.parametrize("kind", ["down", "reset"])
async def test_the_connection_is_closed(client, board, kind: str) -> None:
    board.add(spec(kind=kind))
    with pytest.raises(aiohttp.ClientError):
        await status(client)


async def test_only_the_named_client_is_affected(client, board) -> None:
    board.add(spec(client="10.9.9.9"))
    assert await status(client) == 200
    board.add(spec(client="127.0.0.1"))
    assert await status(client) == 500


async def test_other_services_are_not_affected(client, board) -> None:
    board.add(spec(service="shift"))
    assert await status(client) == 200


async def test_removing_faults(client, board) -> None:
    first, _second = board.add(spec()), board.add(spec())
    assert await status(client) == 500
    assert board.remove(first.id)
    assert not board.remove(first.id)
    assert board.clear() == 1
    assert await status(client) == 200


def test_ratio_affects_a_share() -> None:
    chances = iter((0.1, 0.6, 0.3))
    board = FaultRegistry(lambda: next(chances))
    board.add(spec(ratio=0.5))
    assert [bool(board.matching("auth", None)) for _ in range(3)] == [True, False, True]
    assert board.all()[0].hits == 2
