"""The effects of the values of the gateway's chart."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import Any

import pytest
from aiogram.types import Update

from app.core.settings import Settings
from support.charts import APP_VERSION, RenderError, gateway, render


def container(values: dict[str, Any] | None = None, deployment: str = "bot-gateway") -> dict[str, Any]:
    found: dict[str, Any] = gateway(values).one("Deployment", deployment)["spec"]["template"]["spec"]["containers"][0]
    return found


def config(values: dict[str, Any] | None = None, **options: Any) -> dict[str, str]:
    data: dict[str, str] = gateway(values, **options).one("ConfigMap", options.get("release", "bot-gateway"))["data"]
    return data


@pytest.mark.parametrize(
    ("release", "values", "name"),
    [
        ("bot-gateway", {}, "bot-gateway"),
        ("my-bot-gateway", {}, "my-bot-gateway"),
        ("prod", {}, "prod-bot-gateway"),
        ("prod", {"fullnameOverride": "bots"}, "bots"),
        ("x" * 53, {}, "x" * 31 + "-" + sha256(b"x" * 53 + b"-bot-gateway").hexdigest()[:8]),
    ],
)
def test_the_name_is_the_release_if_it_contains_the_charts(release: str, values: dict[str, Any], name: str) -> None:
    rendering = gateway(values, release=release)
    for kind in ("Deployment", "Service", "ServiceMonitor", "PrometheusRule"):
        assert rendering.has(kind, name)
    assert all(len(manifest["metadata"]["name"]) <= 63 for manifest in rendering.manifests)


def test_the_token_is_the_only_value_without_a_default() -> None:
    with pytest.raises(RenderError, match=r"telegram\.token is required"):
        render()
    assert not render(values={"existingSecret": "mine"}).has("Secret", "bot-gateway")


def test_every_variable_is_a_setting_of_the_gateway() -> None:
    known = {name.upper() for name in Settings.model_fields}
    assert set(config()) <= known
    assert {variable["name"] for variable in container()["env"]} <= known


def test_derived_secrets_stay_the_same_and_differ_by_purpose_and_release() -> None:
    first = gateway().one("Secret", "bot-gateway")["stringData"]
    assert first == gateway().one("Secret", "bot-gateway")["stringData"]
    other = gateway(namespace="elsewhere").one("Secret", "bot-gateway")["stringData"]
    secrets = [data[key] for data in (first, other) for key in ("webhook-secret", "remediator-token")]
    assert len(set(secrets)) == 4
    assert "TEST-TOKEN" not in "".join(secrets)


def test_a_changed_secret_or_setting_replaces_the_pods() -> None:
    def checksums(values: dict[str, Any]) -> dict[str, str]:
        template = gateway(values).one("Deployment", "bot-gateway")["spec"]["template"]
        annotations: dict[str, str] = template["metadata"]["annotations"]
        return annotations

    base = checksums({})
    assert checksums({}) == base
    assert checksums({"logLevel": "DEBUG"})["checksum/config"] != base["checksum/config"]
    assert checksums({"telegram": {"token": "43:OTHER"}})["checksum/secret"] != base["checksum/secret"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({}, ("10000", "33554432")),
        ({"max": 500, "maxBytes": 2**30}, ("500", "1073741824")),
        (None, (None, None)),
    ],
)
def test_the_bounds_of_dead_letters_are_values(value: Any, expected: tuple[str | None, ...]) -> None:
    data = gateway({"deadLetters": value}).one("ConfigMap", "bot-gateway")["data"]
    assert (data.get("DEAD_LETTERS_MAX"), data.get("DEAD_LETTERS_MAX_BYTES")) == expected


def test_the_autoscaler_owns_the_replicas() -> None:
    assert gateway({"replicaCount": 3}).one("Deployment", "bot-gateway")["spec"]["replicas"] == 3
    scaled = gateway({"autoscaling": {"enabled": True}})
    assert "replicas" not in scaled.one("Deployment", "bot-gateway")["spec"]
    assert scaled.one("HorizontalPodAutoscaler", "bot-gateway")["spec"]["scaleTargetRef"]["name"] == "bot-gateway"
    assert (
        gateway({"autoscaling": {"keda": {"enabled": True}}}).one("Deployment", "bot-gateway")["spec"]["replicas"] == 2
    )


@pytest.mark.parametrize(
    ("values", "has_budget"),
    [
        ({}, True),
        ({"replicaCount": 1}, False),
        ({"replicaCount": 1, "autoscaling": {"enabled": True}}, True),
        ({"autoscaling": {"enabled": True, "minReplicas": 1}}, False),
        ({"podDisruptionBudget": {"enabled": False}}, False),
    ],
)
def test_a_disruption_budget_only_with_more_than_one_replica(values: dict[str, Any], has_budget: bool) -> None:
    assert gateway(values).has("PodDisruptionBudget", "bot-gateway") is has_budget


def test_the_memory_limit_lets_critical_memory_usage_fire() -> None:
    limit = container()["resources"]["limits"]["memory"]
    assert limit.endswith("Mi")
    assert int(limit.removesuffix("Mi")) * 2**20 > 2e9


def test_the_grace_period_covers_pre_stop_and_shutdown() -> None:
    rendering = gateway({"preStopSeconds": 7, "shutdownGraceSeconds": 31})
    spec = rendering.one("Deployment", "bot-gateway")["spec"]["template"]["spec"]
    assert spec["terminationGracePeriodSeconds"] == 43
    assert spec["containers"][0]["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "7"]


def test_polling_never_runs_two_pods_at_once() -> None:
    spec = gateway({"telegram": {"updateMode": "polling"}}).one("Deployment", "bot-gateway")["spec"]
    assert spec["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize(
    ("values", "url"),
    [
        ({}, ""),
        ({"telegram": {"webhookUrl": "https://a.example/webhook"}}, "https://a.example/webhook"),
        ({"ingress": {"enabled": True, "hosts": ["b.example"]}}, "https://b.example/webhook"),
        ({"httpRoute": {"enabled": True, "parentRefs": [{"name": "g"}], "hostnames": ["c.example"]}}, "https://c.example/webhook"),
        ({"telegram": {"apiBase": "http://sandbox:8081"}}, "http://bot-gateway.bots:8000/webhook"),
    ],
)  # fmt: skip
def test_the_webhook_is_registered_where_it_is_published(values: dict[str, Any], url: str) -> None:
    assert config(values)["WEBHOOK_URL"] == url


@pytest.mark.parametrize(
    ("values", "missing"),
    [
        ({"ingress": {"enabled": True}}, r"ingress\.hosts is required"),
        ({"httpRoute": {"enabled": True, "hostnames": ["c.example"]}}, r"httpRoute\.parentRefs is required"),
    ],
    ids=["ingress", "http-route"],
)
def test_a_route_that_leads_nowhere_is_refused(values: dict[str, Any], missing: str) -> None:
    with pytest.raises(RenderError, match=missing):
        gateway(values)


def test_the_internal_port_is_never_the_webhooks() -> None:
    """On one port the gateway would serve /internal/notify wherever the webhook is published."""
    with pytest.raises(RenderError, match=r"service\.internalPort must not be 8000"):
        gateway({"service": {"internalPort": 8000}})
    assert config({"service": {"internalPort": 9001}})["INTERNAL_PORT"] == "9001"


def test_only_the_webhook_is_published() -> None:
    rendering = gateway(
        {
            "ingress": {"enabled": True, "hosts": ["a.example"]},
            "httpRoute": {"enabled": True, "parentRefs": [{"name": "g"}]},
        }
    )
    (rule,) = rendering.one("Ingress", "bot-gateway")["spec"]["rules"]
    assert [(path["path"], path["pathType"]) for path in rule["http"]["paths"]] == [("/webhook", "Exact")]
    (route,) = rendering.one("HTTPRoute", "bot-gateway")["spec"]["rules"]
    assert route["matches"] == [{"path": {"type": "Exact", "value": "/webhook"}, "method": "POST"}]


def test_the_bundled_redis_persists_and_does_not_evict() -> None:
    rendering = gateway()
    spec = rendering.one("StatefulSet", "bot-gateway-redis")["spec"]
    arguments = " ".join(spec["template"]["spec"]["containers"][0]["args"])
    assert "--appendonly yes" in arguments
    assert "--maxmemory-policy noeviction" in arguments
    assert spec["volumeClaimTemplates"]
    assert config()["REDIS_URL"] == "redis://bot-gateway-redis:6379/0"


def test_the_url_of_an_external_redis_comes_from_a_secret() -> None:
    rendering = gateway({"redis": {"enabled": False}, "externalRedis": {"url": "rediss://:pass@redis.example:6380/1"}})
    assert not rendering.kind("StatefulSet")
    assert "REDIS_URL" not in rendering.one("ConfigMap", "bot-gateway")["data"]
    assert rendering.one("Secret", "bot-gateway-redis")["stringData"]["redis-url"].startswith("rediss://")
    with pytest.raises(RenderError, match=r"externalRedis\.url"):
        gateway({"redis": {"enabled": False}})


def test_images_use_the_charts_version_a_tag_or_a_digest() -> None:
    digest = "sha256:" + "a" * 64
    assert container()["image"] == f"bot-gateway:{APP_VERSION}"
    assert container({"image": {"tag": "dev"}})["image"] == "bot-gateway:dev"
    assert container({"image": {"tag": "dev", "digest": digest}})["image"] == f"bot-gateway@{digest}"
    assert container({"operator": {"image": {"tag": "x"}}}, "bot-gateway-remediator")["image"] == "bot-remediator:x"


def test_environment_variables_can_be_added() -> None:
    assert config({"env": {"REDIS_KEY_PREFIX": "x"}})["REDIS_KEY_PREFIX"] == "x"
    assert {"name": "A", "value": "b"} in container({"extraEnv": [{"name": "A", "value": "b"}]})["env"]


def test_the_target_opts_in_to_the_operator() -> None:
    annotations = gateway().one("Deployment", "bot-gateway")["metadata"]["annotations"]
    assert annotations["remediation.bot-gateway.dev/allow"] == "true"


def test_the_update_of_helm_test_is_one_that_the_gateway_can_read() -> None:
    environment = gateway({}).one("Pod", "bot-gateway-test")["spec"]["containers"][0]["env"]
    update = next(variable["value"] for variable in environment if variable["name"] == "HELM_TEST_UPDATE")
    Update.model_validate({"update_id": 1, **json.loads(update)})


def test_metrics_probes_and_notify_have_a_port_of_their_own() -> None:
    rendering = gateway()
    (container,) = rendering.one("Deployment", "bot-gateway")["spec"]["template"]["spec"]["containers"]
    assert {port["name"]: port["containerPort"] for port in container["ports"]} == {"http": 8000, "internal": 8001}
    assert {container[f"{probe}Probe"]["httpGet"]["port"] for probe in ("startup", "readiness", "liveness")} == {
        "internal"
    }
    settings = rendering.one("ConfigMap", "bot-gateway")["data"]
    assert (settings["INTERNAL_PORT"], settings["PUBLIC_METRICS"]) == ("8001", "false")
    # Whatever publishes the Service publishes the webhook alone.
    public, internal = rendering.one("Service", "bot-gateway"), rendering.one("Service", "bot-gateway-internal")
    assert [port["name"] for port in public["spec"]["ports"]] == ["http"]
    assert (internal["spec"]["clusterIP"], [port["port"] for port in internal["spec"]["ports"]]) == ("None", [8001])
    assert internal["spec"]["selector"] == public["spec"]["selector"]


def test_each_pod_is_scraped_once_wherever_its_metrics_are() -> None:
    for public, endpoint in ((False, {"targetPort": "internal"}), (True, {"port": "http"})):
        rendering = gateway({"service": {"publicMetrics": public}})
        spec = rendering.one("ServiceMonitor", "bot-gateway")["spec"]
        (found,) = spec["endpoints"]
        assert endpoint.items() <= found.items()
        labels = [service["metadata"]["labels"].items() for service in rendering.kind("Service")]
        assert len([one for one in labels if spec["selector"]["matchLabels"].items() <= one]) == 1


def test_the_service_token_has_no_known_default() -> None:
    token, again = (gateway().one("Secret", "bot-gateway")["stringData"]["service-token"] for _ in range(2))
    assert token == again
    assert len(token) == 64
    other = gateway({"telegram": {"token": "43:OTHER"}}).one("Secret", "bot-gateway")["stringData"]["service-token"]
    assert other != token
    chosen = gateway({"backends": {"serviceToken": "our-own"}}).one("Secret", "bot-gateway")["stringData"]
    assert chosen["service-token"] == "our-own"
