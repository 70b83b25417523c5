"""The addresses that the gateway and the operator accept connections on."""

import socket

import aiohttp
import pytest
from aiohttp import web

from app.http_server import HttpServer
from remediator.intake.server import listen
from sandbox.redis_server import free_port


async def _hello(_request: web.Request) -> web.Response:
    return web.Response(text="hello")


@pytest.mark.parametrize(
    ("host", "addresses"), [("::", ["[::1]", "127.0.0.1"]), ("0.0.0.0", ["127.0.0.1"]), ("127.0.0.1", ["127.0.0.1"])]
)
async def test_the_gateway_accepts_every_family_of_its_address(host: str, addresses: list[str]) -> None:
    application = web.Application()
    application.router.add_get("/", _hello)
    port = free_port()
    server = HttpServer(application, host, port, connections=10)
    await server.start()
    async with aiohttp.ClientSession() as session:
        for address in addresses:
            async with session.get(f"http://{address}:{port}/") as response:
                assert await response.text() == "hello"
    await server.stop()


@pytest.mark.parametrize("client", [(socket.AF_INET6, "::1"), (socket.AF_INET, "127.0.0.1")])
def test_the_operator_accepts_both_families_on_all_addresses(client: tuple[socket.AddressFamily, str]) -> None:
    family, address = client
    (listening,) = listen("::", 0)
    with listening, socket.socket(family, socket.SOCK_STREAM) as connection:
        connection.connect((address, listening.getsockname()[1]))
