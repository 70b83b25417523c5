"""What Helm does to the objects of an API server: upgrades from live objects, and two releases in one namespace.

An API server without controllers: nothing but Helm changes the objects.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from support.charts import GATEWAY_CHART
from support.control_plane import ControlPlane, MissingBinaryError
from support.tools import run, tool

TOKEN = ("--set", "telegram.token=1:a")


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The kubeconfig of an API server that the module starts."""
    try:
        plane = ControlPlane(tmp_path_factory.mktemp("plane"))
    except MissingBinaryError as error:
        pytest.skip(str(error))
    try:
        asyncio.run(plane.start())
        yield plane.kubeconfig
    finally:
        plane.stop()


class Cluster:
    """Helm and kubectl with one kubeconfig and one namespace of it."""

    def __init__(self, helm: str, kubeconfig: Path, namespace: str) -> None:
        self._helm = helm
        self._place = ("--kubeconfig", str(kubeconfig), "--namespace", namespace)
        self.namespace = namespace

    def helm(self, *arguments: str) -> str:
        done = run(self._helm, *arguments, *self._place, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def helm_refuses(self, *arguments: str) -> str:
        """Helm's message."""
        done = run(self._helm, *arguments, *self._place, timeout=300)
        assert done.returncode != 0, done.stdout
        return done.stderr

    def get(self, *arguments: str) -> Any:
        done = run(tool("kubectl"), "get", *arguments, "-o", "json", *self._place)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def kubectl(self, *arguments: str) -> None:
        done = run(tool("kubectl"), *arguments, *self._place)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def cluster(helm: str, kubeconfig: Path, request: pytest.FixtureRequest) -> Cluster:
    """A new namespace."""
    name = f"chart-{sha256(request.node.name.encode()).hexdigest()[:10]}"
    made = Cluster(helm, kubeconfig, name)
    made.kubectl("create", "namespace", name)
    return made


def install(cluster: Cluster, release: str, *values: str) -> None:
    cluster.helm("install", release, str(GATEWAY_CHART), *TOKEN, *values)


def upgrade(cluster: Cluster, release: str, *values: str) -> None:
    cluster.helm("upgrade", release, str(GATEWAY_CHART), *TOKEN, *values)


def replicas(cluster: Cluster) -> int:
    return int(cluster.get("deployment", "bot-gateway")["spec"]["replicas"])


def test_autoscaling_starts_from_the_replicas_that_run(cluster: Cluster) -> None:
    install(cluster, "bot-gateway", "--set", "replicaCount=5")
    upgrade(cluster, "bot-gateway", "--set", "autoscaling.enabled=true")
    assert replicas(cluster) == 5
    # The autoscaler has scaled; a later upgrade does not change that.
    cluster.kubectl("scale", "deployment/bot-gateway", "--replicas=4")
    upgrade(cluster, "bot-gateway", "--set", "autoscaling.enabled=true,logLevel=DEBUG")
    assert replicas(cluster) == 4


def test_autoscaling_raises_the_replicas_to_its_minimum(cluster: Cluster) -> None:
    install(cluster, "bot-gateway", "--set", "replicaCount=1")
    upgrade(cluster, "bot-gateway", "--set", "autoscaling.enabled=true,autoscaling.minReplicas=3")
    assert replicas(cluster) == 3


def test_a_retired_webhook_secret_is_empty_after_an_upgrade(cluster: Cluster) -> None:
    install(cluster, "bot-gateway", "--set", "telegram.webhookSecretPrevious=the-one-before")
    assert cluster.get("secret", "bot-gateway")["data"]["webhook-secret-previous"]
    upgrade(cluster, "bot-gateway")
    assert cluster.get("secret", "bot-gateway")["data"]["webhook-secret-previous"] == ""


def test_a_redis_password_is_not_required_before_the_running_gateway_sends_it(cluster: Cluster) -> None:
    install(cluster, "bot-gateway")
    # As the Deployment of a chart that knew no password.
    cluster.kubectl("set", "env", "deployment/bot-gateway", "REDIS_PASSWORD-")
    chart, required = str(GATEWAY_CHART), ("--set", "redis.auth.required=true")
    message = cluster.helm_refuses("upgrade", "bot-gateway", chart, *TOKEN, *required)
    assert "redis.auth.required=true would cut off the running gateway" in message
    upgrade(cluster, "bot-gateway")
    upgrade(cluster, "bot-gateway", *required)
    (container,) = cluster.get("statefulset", "bot-gateway-redis")["spec"]["template"]["spec"]["containers"]
    assert {"name": "REDIS_PASSWORD_REQUIRED", "value": "true"} in container["env"]


def dashboards(cluster: Cluster) -> set[str]:
    """The releases that have dashboards in the namespace."""
    found = cluster.get("configmap", "-l", "app.kubernetes.io/component=dashboard")["items"]
    return {item["metadata"]["labels"]["app.kubernetes.io/instance"] for item in found}


def test_one_release_of_a_namespace_has_the_dashboards_and_another_takes_over(cluster: Cluster) -> None:
    install(cluster, "bot-gateway")
    install(cluster, "second-bot-gateway", "--skip-crds")
    assert dashboards(cluster) == {"bot-gateway"}
    upgrade(cluster, "bot-gateway")
    assert dashboards(cluster) == {"bot-gateway"}
    cluster.helm("uninstall", "bot-gateway")
    assert dashboards(cluster) == set()
    upgrade(cluster, "second-bot-gateway")
    assert dashboards(cluster) == {"second-bot-gateway"}
