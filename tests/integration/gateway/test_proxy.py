"""The Bot API behind a proxy and a private CA, with the gateway's own session."""

import asyncio
import io
import logging
import ssl
import sys
from collections.abc import AsyncIterator

import pytest
import uvloop
from aiogram import Bot
from aiogram.exceptions import TelegramNetworkError
from aiogram.types import BufferedInputFile
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr

from app.core.logging import configure_logging
from app.core.settings import Settings
from app.main import secrets_of
from app.telegram.retries import Effect, OutcomeUnknownError, effect_of
from app.telegram.session import GatewaySession
from support.authority import Authority, make_authority
from support.bot_api import SENT, TOKEN
from support.proxies import Proxy, proxying

HOST = "bot-api.test"
CREDENTIALS = "user:pass-word-of-the-proxy"


@pytest.fixture(scope="module")
def event_loop_policy() -> uvloop.EventLoopPolicy:
    """The gateway's own event loop: its TLS over an open socket is another implementation than asyncio's."""
    return uvloop.EventLoopPolicy()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("ca"), HOST)


@pytest.fixture
def trusted(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.ca))


@pytest.fixture
async def api(authority: Authority) -> AsyncIterator[TestServer]:
    async def handle(request: web.Request) -> web.Response:
        await request.read()
        if request.path.endswith("/sendChatAction"):
            assert request.transport is not None
            request.transport.close()
        return web.json_response({"ok": True, "result": SENT})

    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(authority.certificate, authority.key)
    server = TestServer(application, scheme="https")
    await server.start_server(ssl=tls)
    yield server
    await server.close()


@pytest.fixture(params=["http", "socks5"])
async def proxy(api: TestServer, request: pytest.FixtureRequest) -> AsyncIterator[Proxy]:
    assert api.port is not None
    async with proxying(request.param, api.port, CREDENTIALS) as proxy:
        yield proxy


def bot_of(proxy: str | None, host: str = HOST, port: int = 443) -> Bot:
    session = GatewaySession(f"https://{host}:{port}", connections=4, timeout=10, proxy=proxy)
    return Bot(TOKEN, session=session)


@pytest.mark.usefixtures("trusted")
async def test_calls_and_uploads_go_through_the_proxy_which_resolves_the_name(proxy: Proxy) -> None:
    bot = bot_of(proxy.url())
    for _ in range(2):
        assert (await bot.send_message(1001, "hello")).message_id == 9
    assert (await bot.send_photo(1001, BufferedInputFile(b"jpeg", "a.jpg"))).message_id == 9
    await bot.session.close()
    # One connection of the pool for both messages, and one of aiohttp for the file.
    assert proxy.targets == [f"{HOST}:443"] * 2


@pytest.mark.usefixtures("trusted")
@pytest.mark.parametrize("failure", ["wrong password", "refused", "nobody listens"])
async def test_what_the_proxy_refuses_was_not_sent_and_names_no_address(proxy: Proxy, failure: str) -> None:
    url = proxy.url("user:another-password" if failure == "wrong password" else None)
    if failure == "nobody listens":
        url = f"{proxy.scheme}://{CREDENTIALS}@127.0.0.1:1"
    proxy.refuses = failure == "refused"
    bot = bot_of(url)
    for call in (bot.send_message(1001, "hello"), bot.send_photo(1001, BufferedInputFile(b"jpeg", "a.jpg"))):
        with pytest.raises(TelegramNetworkError) as raised:
            await call
        assert effect_of(raised.value) is Effect.NONE
        assert not any(word in str(raised.value) for word in ("pass", "user", "127.0.0.1", HOST, TOKEN))
    await bot.session.close()


@pytest.mark.usefixtures("trusted")
async def test_a_connection_that_ends_after_the_request_leaves_the_outcome_unknown(proxy: Proxy) -> None:
    bot = bot_of(proxy.url())
    with pytest.raises(OutcomeUnknownError):
        await bot.send_chat_action(1001, "typing")
    await bot.session.close()


async def test_without_its_ca_the_server_is_not_trusted_and_nothing_is_sent(proxy: Proxy) -> None:
    bot = bot_of(proxy.url())
    with pytest.raises(TelegramNetworkError, match="SSLCertVerificationError") as raised:
        await bot.send_message(1001, "hello")
    assert effect_of(raised.value) is Effect.NONE
    await bot.session.close()


@pytest.mark.usefixtures("trusted")
async def test_a_certificate_for_another_host_is_refused(proxy: Proxy) -> None:
    bot = bot_of(proxy.url(), host="other.test")
    with pytest.raises(TelegramNetworkError, match="SSLCertVerificationError"):
        await bot.send_message(1001, "hello")
    await bot.session.close()


@pytest.mark.usefixtures("trusted")
async def test_a_private_ca_is_trusted_without_a_proxy_too(api: TestServer) -> None:
    bot = bot_of(None, host="127.0.0.1", port=api.port or 0)
    assert (await bot.send_message(1001, "hello")).message_id == 9
    await bot.session.close()


BACKEND_CALL = """
import asyncio, sys
from app.backends.call import Call
from app.backends.client import BackendClient, ClientPolicy
from app.backends.errors import BackendUnavailableError

async def main():
    policy = ClientPolicy(attempts=1, probe_interval=0)
    client = BackendClient("auth", sys.argv[1], token="t", bot_id=42, policy=policy)
    await client.start()
    try:
        print(len(await client.send(Call("GET", "/"))))
    except BackendUnavailableError as error:
        print(error)
    finally:
        await client.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("trusts", [True, False])
async def test_a_backend_with_a_certificate_of_a_private_ca(
    api: TestServer, authority: Authority, trusts: bool
) -> None:
    """In a process of its own: aiohttp reads the certificates when it is imported."""
    environment = {"SSL_CERT_FILE": str(authority.ca)} if trusts else {}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", BACKEND_CALL, str(api.make_url("")), stdout=asyncio.subprocess.PIPE, env=environment
    )
    output, _ = await process.communicate()
    assert (output.strip() == b"auth: connection") is not trusts
    assert output.strip().isdigit() is trusts


def test_the_proxys_password_never_reaches_a_log() -> None:
    proxy = f"http://{CREDENTIALS}@proxy.test:3128"
    settings = Settings(bot_token=SecretStr(TOKEN), telegram_proxy=SecretStr(proxy))
    assert "pass-word" not in repr(settings)
    stream = io.StringIO()
    configure_logging("INFO", secrets_of(settings), stream)
    logging.getLogger("any.library").warning("could not use %s, password pass-word-of-the-proxy", proxy)
    assert "could not use" in stream.getvalue()
    assert "pass-word" not in stream.getvalue()
