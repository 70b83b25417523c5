"""examples/values: each file renders to objects that an API server accepts, and does what its comment says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chart.validation import pod_specs, restricted_violations, validate
from support.charts import Rendering, render
from support.tools import ROOT

FOLDER = ROOT / "examples/values"
FILES = sorted(FOLDER.glob("*.yaml"))


def rendered(name: str) -> Rendering:
    # The one file without an existing Secret; its comment says to set the token.
    values = {"telegram": {"token": "42:TEST"}} if name == "polling" else {}
    apis = ("monitoring.coreos.com/v1", "monitoring.coreos.com/v1alpha1", "gateway.networking.k8s.io/v1")
    return render(values=values, files=(FOLDER / f"{name}.yaml",), apis=apis)


def environment(rendering: Rendering, deployment: str) -> dict[str, Any]:
    """The variables of a Deployment's one container, its own and those of ConfigMaps."""
    (container,) = rendering.one("Deployment", deployment)["spec"]["template"]["spec"]["containers"]
    found: dict[str, Any] = {}
    for source in container.get("envFrom", []):
        found |= rendering.one("ConfigMap", source["configMapRef"]["name"])["data"]
    return found | {variable["name"]: variable.get("value") for variable in container["env"]}


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_api_server_accepts_every_object(file: Path) -> None:
    rendering = rendered(file.stem)
    assert rendering.has("Deployment", "bot-gateway")
    for manifest in rendering.manifests:
        validate(manifest)
        for spec in pod_specs(manifest):
            assert restricted_violations(spec) == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_secret_stands_in_the_values(file: Path) -> None:
    names = {secret["metadata"]["name"] for secret in rendered(file.stem).kind("Secret")}
    assert names == ({"bot-gateway"} if file.stem == "polling" else set())
    assert "token:" not in file.read_text()


def test_polling_needs_no_way_in() -> None:
    rendering = rendered("polling")
    assert environment(rendering, "bot-gateway")["UPDATE_MODE"] == "polling"
    assert not rendering.kind("Ingress")
    deployment = rendering.one("Deployment", "bot-gateway")["spec"]
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})


def test_small_keeps_its_volume_and_warns_of_memory_below_its_limit() -> None:
    rendering = rendered("small")
    assert rendering.one("Deployment", "bot-gateway")["spec"]["replicas"] == 1
    redis = rendering.one("StatefulSet", "bot-gateway-redis")["spec"]
    assert redis["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Retain"
    rules = {
        rule["alert"]: rule["expr"]
        for manifest in rendering.kind("PrometheusRule")
        for group in manifest["spec"]["groups"]
        for rule in group["rules"]
        if "alert" in rule
    }
    limit = 512 * 2**20
    for alert in ("HighMemoryUsage", "CriticalMemoryUsage"):
        assert float(rules[alert].rpartition(">")[2]) < limit


def test_high_availability_survives_a_node_and_a_redis_master() -> None:
    rendering = rendered("high-availability")
    assert rendering.one("HorizontalPodAutoscaler", "bot-gateway")["spec"]["minReplicas"] == 3
    spread = rendering.one("Deployment", "bot-gateway")["spec"]["template"]["spec"]["topologySpreadConstraints"]
    assert {constraint["topologyKey"] for constraint in spread} == {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
    }
    labels = rendering.one("Deployment", "bot-gateway")["spec"]["template"]["metadata"]["labels"]
    assert all(constraint["labelSelector"]["matchLabels"].items() <= labels.items() for constraint in spread)
    assert rendering.kind("StatefulSet") == []
    assert environment(rendering, "bot-gateway")["LEASE_SECONDS"] == "20"
    (policy,) = rendering.kind("RemediationPolicy")
    assert (policy["spec"]["mode"], policy["spec"]["guards"]["minHealthy"]) == ("Enforce", 2)


def test_own_monitoring_is_used_everywhere() -> None:
    rendering = rendered("own-monitoring")
    for kind in ("ServiceMonitor", "PrometheusRule"):
        assert rendering.kind(kind)
        assert all(item["metadata"]["labels"]["prometheus"] == "company" for item in rendering.kind(kind))
    operator = environment(rendering, "bot-gateway-remediator")
    assert operator["REMEDIATOR_PROMETHEUS_URL"] == "http://prometheus.observability:9090"
    assert operator["REMEDIATOR_ALERTMANAGER_URL"] == "http://alertmanager.observability:9093"
    assert environment(rendering, "bot-gateway")["REDIS_KEY_PREFIX"] == "company-bot"
    routes = [item["metadata"]["name"] for item in rendering.kind("AlertmanagerConfig")]
    assert routes == ["bot-gateway-remediator"]
    plain = [item for item in rendering.kind("ConfigMap") if "alertmanager.yml" in item.get("data", {})]
    assert len(plain) == 1
