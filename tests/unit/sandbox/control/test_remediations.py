"""Reading the Remediations over TLS, and what is said where they cannot be read."""

import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from structlog.testing import capture_logs

from sandbox.control.remediations import (
    ERRORS_BY_STATUS,
    NO_SERVICE_ACCOUNT,
    UNREACHABLE,
    Remediations,
    RemediationsUnreadableError,
)
from support.tools import run, tool

ITEMS = [{"metadata": {"name": "rem-1"}}]


@pytest.fixture
def account(tmp_path: Path) -> Path:
    """An account as the kubelet mounts it; its authority has no key usage."""
    make_authority(tmp_path)
    (tmp_path / "token").write_text("secret\n")
    return tmp_path


def make_authority(folder: Path) -> None:
    """ca.crt and, signed by it, api.crt for 127.0.0.1."""
    make(folder, "ca", "-subj", "/CN=authority")
    signed = ("-CA", str(folder / "ca.crt"), "-CAkey", str(folder / "ca.key"))
    ends = ("-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE")
    make(folder, "api", "-subj", "/CN=api", *signed, *ends)


def make(folder: Path, name: str, *more: str) -> None:
    key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    files = ("-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt"))
    made = run(tool("openssl"), "req", "-x509", *key, *files, *more)
    assert made.returncode == 0, made.stderr


@pytest.fixture
async def api(account: Path) -> AsyncIterator[str]:
    async def remediations(request: web.Request) -> web.Response:
        assert request.headers["Authorization"] == "Bearer secret"
        return web.json_response({"items": ITEMS})

    app = web.Application()
    app.router.add_get("/namespaces/bots/remediations", remediations)
    identity = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    identity.load_cert_chain(account / "api.crt", account / "api.key")
    server = TestServer(app, scheme="https")
    await server.start_server(ssl=identity)
    yield f"https://127.0.0.1:{server.port}"
    await server.close()


async def reason(remediations: Remediations) -> str:
    with pytest.raises(RemediationsUnreadableError) as refused:
        await remediations.read()
    return str(refused.value)


DEFAULT = ssl.create_default_context


def strict(*, cafile: Path) -> ssl.SSLContext:
    context = DEFAULT(cafile=cafile)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    return context


@pytest.fixture(autouse=True)
def python_3_13(monkeypatch: pytest.MonkeyPatch) -> None:
    """From that version on a default context is a strict one."""
    monkeypatch.setattr(ssl, "create_default_context", strict)


async def test_a_ca_without_key_usage_is_trusted(account: Path, api: str) -> None:
    assert await Remediations("bots", account, api).read() == ITEMS


async def test_strict_mode_rejects_that_ca(account: Path, api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sandbox.control.remediations.trust_ca", lambda authority: strict(cafile=authority))
    with capture_logs() as logs:
        assert await reason(Remediations("bots", account, api)) == UNREACHABLE
    assert "key usage" in logs[0]["error"]


async def test_another_ca_is_not_trusted(account: Path, api: str) -> None:
    make_authority(account)
    with capture_logs() as logs:
        assert await reason(Remediations("bots", account, api)) == UNREACHABLE
    assert "CERTIFICATE_VERIFY_FAILED" in logs[0]["error"]


async def test_another_host_name_is_not_trusted(account: Path, api: str) -> None:
    with capture_logs() as logs:
        assert await reason(Remediations("bots", account, api.replace("127.0.0.1", "localhost"))) == UNREACHABLE
    assert "Hostname mismatch" in logs[0]["error"]


@pytest.mark.parametrize(("status", "sentence"), [*ERRORS_BY_STATUS.items(), (500, UNREACHABLE)])
async def test_an_error_status_is_explained(tmp_path: Path, status: int, sentence: str) -> None:
    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=status)

    (tmp_path / "token").write_text("secret")
    app = web.Application()
    app.router.add_get("/namespaces/bots/remediations", refuse)
    async with TestServer(app) as server:
        assert await reason(Remediations("bots", tmp_path, str(server.make_url("")).rstrip("/"))) == sentence


async def test_a_lasting_error_is_logged_once(tmp_path: Path) -> None:
    remediations = Remediations("bots", tmp_path / "none")
    with capture_logs() as logs:
        assert {await reason(remediations) for _time in range(3)} == {NO_SERVICE_ACCOUNT}
    assert [entry["event"] for entry in logs] == ["remediations_unreadable"]
