"""The operator's own endpoint as a process has it: TLS, and a port that someone else has."""

import socket
import ssl
import subprocess
from pathlib import Path

import aiohttp
import pytest

from support.fake_alertmanager import message
from support.operator_process import TOKEN, OperatorProcess
from support.workloads import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a certificate for localhost and its key."""
    paths = folder / "tls.crt", folder / "tls.key"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject]
    subprocess.run([*command, "-out", paths[0], "-keyout", paths[1]], check=True, capture_output=True)
    return paths


async def test_webhook_is_taken_by_tls_and_not_in_plain_text(operator: OperatorProcess, tmp_path: Path) -> None:
    served, key = certificate(tmp_path)
    operator.environment |= {
        "REMEDIATOR_TLS_CERTIFICATE_FILE": str(served),
        "REMEDIATOR_TLS_KEY_FILE": str(key),
    }
    await operator.start(ready=False)
    trusting = ssl.create_default_context(cafile=served)
    base = f"https://localhost:{operator.port}"
    headers = {"Authorization": f"Bearer {TOKEN}"}

    async def ready() -> bool:
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{base}/readyz", ssl=trusting) as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            assert operator.running
            return False

    await eventually(ready, seconds=90)
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.post(f"{base}/alerts", json=message([]), ssl=trusting) as answer:
            assert answer.status == 200
        async with session.post(f"{base}/alerts", json=message([]), ssl=trusting, headers={"Authorization": ""}) as no:
            assert no.status == 401
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await session.get(f"{base}/livez", ssl=ssl.create_default_context())
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"http://localhost:{operator.port}/livez")


async def test_port_that_is_in_use_is_one_clear_line(operator: OperatorProcess) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", operator.port))
        taken.listen()
        await operator.start(ready=False)
        assert await operator.wait(90) == 2
    assert operator.log.read_text().splitlines() == [
        f"remediator: 127.0.0.1:{operator.port} cannot be listened on: Address already in use"
    ]


@pytest.mark.parametrize("host", ["256.0.0.1", "no-such-host.invalid"])
async def test_address_that_is_not_ours_is_one_clear_line(operator: OperatorProcess, host: str) -> None:
    operator.environment["REMEDIATOR_HOST"] = host
    await operator.start(ready=False)
    assert await operator.wait(90) == 2
    (line,) = operator.log.read_text().splitlines()
    assert line.startswith(f"remediator: {host}:{operator.port} cannot be listened on: ")
