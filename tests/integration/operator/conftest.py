"""A namespace of its own for each test, on the cluster that KUBECONFIG names, and an operator in it."""

import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml
from kubernetes.aio import client

from remediator.kube import connect
from remediator.kubernetes_api import KubernetesApi
from support.fake_alertmanager import FakeAlertmanager
from support.fault_proxy import FaultProxy
from support.operator_process import OperatorProcess, kubeconfig, service_account

CRDS = Path(__file__).parents[3] / "charts" / "bot-gateway" / "crds"


@pytest.fixture
async def api() -> AsyncIterator[client.ApiClient]:
    connection = await connect()
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def crds(api: client.ApiClient) -> None:
    extensions = client.ApiextensionsV1Api(api)
    for path in sorted(CRDS.glob("*.yaml")):
        body = yaml.safe_load(path.read_text())
        try:
            await extensions.create_custom_resource_definition(body)
        except client.ApiException as error:
            if error.status != 409:
                raise
            await extensions.patch_custom_resource_definition(
                body["metadata"]["name"], {"spec": body["spec"]}, _content_type="application/merge-patch+json"
            )


@pytest.fixture
async def namespace(api: client.ApiClient) -> AsyncIterator[str]:
    name = f"operator-test-{secrets.token_hex(3)}"
    core = client.CoreV1Api(api)
    await core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name=name)))
    try:
        yield name
    finally:
        await core.delete_namespace(name)


@pytest.fixture
def kubernetes(api: client.ApiClient, namespace: str) -> KubernetesApi:
    return KubernetesApi(api, namespace, timeout=10.0)


@pytest.fixture
async def alertmanager() -> AsyncIterator[FakeAlertmanager]:
    server = FakeAlertmanager()
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def proxy(api: client.ApiClient) -> AsyncIterator[FaultProxy]:
    address = urlsplit(api.configuration.host)
    server = FaultProxy(str(address.hostname), address.port or 443)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@pytest.fixture
async def operator(
    api: client.ApiClient,
    crds: None,
    namespace: str,
    alertmanager: FakeAlertmanager,
    proxy: FaultProxy,
    tmp_path: Path,
) -> AsyncIterator[OperatorProcess]:
    """An operator that is not started yet, with its Role, behind the fault proxy."""
    authority = api.configuration.ssl_ca_cert
    assert authority, "the cluster of KUBECONFIG has no certificate authority"
    path = tmp_path / "kubeconfig"
    token = await service_account(api, namespace)
    kubeconfig(path, server=f"https://127.0.0.1:{proxy.port}", authority=Path(authority), token=token)
    process = OperatorProcess(tmp_path, namespace, path, alertmanager.port)
    process.service_account_token = token
    try:
        yield process
    finally:
        await process.kill()
