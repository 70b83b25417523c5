"""A namespace of its own for each test module, on the cluster that KUBECONFIG names."""

import secrets
from collections.abc import AsyncIterator

import pytest
from kubernetes.aio import client

from remediator.cluster import Cluster
from remediator.kube import connect


@pytest.fixture
async def api() -> AsyncIterator[client.ApiClient]:
    connection = await connect()
    try:
        yield connection
    finally:
        await connection.close()


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
def cluster(api: client.ApiClient, namespace: str) -> Cluster:
    return Cluster(api, namespace, timeout=10.0)
