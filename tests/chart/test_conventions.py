"""Values that platform teams expect of a chart: images and registries, environment, volumes, placement, own objects."""

from __future__ import annotations

from typing import Any

import pytest

from chart.validation import pod_specs, validate
from support.charts import (
    APP_VERSION,
    GATEWAY_CHART,
    JAEGER_CHART,
    KUBERNETES,
    SANDBOX_CHART,
    RenderError,
    Rendering,
    gateway,
    render,
)
from support.tools import run

CONVENTIONS = GATEWAY_CHART / "ci/conventions-values.yaml"
DEPLOYMENTS = ("bot-gateway", "bot-gateway-remediator")


@pytest.fixture(scope="module")
def conventions() -> Rendering:
    """The file of ci/ with all of these values."""
    return render(files=(CONVENTIONS,))


def pod(rendering: Rendering, deployment: str) -> dict[str, Any]:
    spec: dict[str, Any] = rendering.one("Deployment", deployment)["spec"]["template"]["spec"]
    return spec


def images(rendering: Rendering) -> set[str]:
    return {
        container["image"]
        for manifest in rendering.manifests
        for spec in pod_specs(manifest)
        for container in spec["containers"]
    }


def test_the_registry_of_the_images_is_a_value() -> None:
    assert images(gateway({"image": {"registry": "registry.example/team/"}})) == {
        f"registry.example/team/bot-gateway:{APP_VERSION}",
        f"registry.example/team/bot-remediator:{APP_VERSION}",
        "redis:8",
    }
    own = gateway({"image": {"registry": "a.example"}, "operator": {"image": {"registry": "b.example"}}})
    assert f"b.example/bot-remediator:{APP_VERSION}" in images(own)


@pytest.mark.parametrize("chart", [GATEWAY_CHART, SANDBOX_CHART, JAEGER_CHART], ids=lambda chart: chart.name)
def test_one_registry_and_pull_secrets_for_all_images(chart: Any) -> None:
    values: dict[str, Any] = {"global": {"imageRegistry": "mirror.example", "imagePullSecrets": ["a", {"name": "b"}]}}
    values |= {"telegram": {"token": "1:a"}} if chart == GATEWAY_CHART else {}
    values |= {"postgres": {"enabled": True}} if chart == SANDBOX_CHART else {}
    rendering = render(chart, {**values, "imagePullSecrets": [{"name": "c"}]}, release=chart.name)
    assert all(image.startswith("mirror.example/") for image in images(rendering))
    for manifest in rendering.manifests:
        for spec in pod_specs(manifest):
            assert spec["imagePullSecrets"] == [{"name": "a"}, {"name": "b"}, {"name": "c"}]


def test_every_image_can_have_a_digest() -> None:
    digest = "sha256:" + "b" * 64
    image = {"image": {"digest": digest}}
    for rendering in (
        gateway({**image, "operator": image, "redis": image}),
        render(SANDBOX_CHART, image, release="sandbox"),
        render(JAEGER_CHART, image, release="jaeger"),
    ):
        assert all(name.endswith("@" + digest) for name in images(rendering))


def test_the_manifests_and_the_notes_warn_of_an_image_without_a_registry(helm: str) -> None:
    arguments = ("template", "x", str(GATEWAY_CHART), "--kube-version", KUBERNETES, "--set", "telegram.token=1:a")
    assert run(helm, *arguments).stdout.count("# WARNING: no registry") == 2
    with_registry = run(helm, *arguments, "--set", "image.registry=registry.example").stdout
    assert "# WARNING: no registry" not in with_registry


def test_containers_volumes_and_variables_are_passed_on(conventions: Rendering) -> None:
    spec = pod(conventions, "bot-gateway")
    assert [container["name"] for container in spec["initContainers"]] == ["wait"]
    assert [container["name"] for container in spec["containers"]] == ["gateway", "sidecar"]
    assert {"name": "scratch", "emptyDir": {}} in spec["volumes"]
    assert spec["containers"][0]["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    operator = pod(conventions, "bot-gateway-remediator")["containers"][0]
    assert operator["envFrom"] == [{"secretRef": {"name": "operator-extra", "optional": True}}]
    assert [v["name"] for v in operator["env"] if "fieldRef" in v.get("valueFrom", {})] == [
        "REMEDIATOR_NAMESPACE",
        "EXAMPLE_HOST_IP",
    ]
    for deployment in DEPLOYMENTS:
        mounts = pod(conventions, deployment)["containers"][0]["volumeMounts"]
        assert {"name": "scratch", "mountPath": "/scratch"} in mounts


@pytest.mark.parametrize("deployment", DEPLOYMENTS)
def test_a_ca_bundle_is_mounted_and_named_to_openssl(deployment: str, conventions: Rendering) -> None:
    spec = pod(conventions, deployment)
    container = spec["containers"][0]
    (volume,) = [volume for volume in spec["volumes"] if volume["name"] == "ca-bundle"]
    assert volume["configMap"]["name"] == "company-ca"
    (mount,) = [mount for mount in container["volumeMounts"] if mount["name"] == "ca-bundle"]
    assert {"name": "SSL_CERT_FILE", "value": f"{mount['mountPath']}/ca.crt"} in container["env"]


def test_the_operator_has_its_own_placement(conventions: Rendering) -> None:
    operator, own = pod(conventions, "bot-gateway-remediator"), pod(conventions, "bot-gateway")
    assert operator["tolerations"] == [{"key": "example.com/operations", "operator": "Exists"}]
    assert "nodeAffinity" in operator["affinity"]
    assert operator["topologySpreadConstraints"]
    assert "tolerations" not in own
    both = gateway({"nodeSelector": {"a": "1"}, "operator": {"nodeSelector": {"b": "2"}, "priorityClassName": "high"}})
    assert pod(both, "bot-gateway")["nodeSelector"] == {"a": "1"}
    assert pod(both, "bot-gateway-remediator")["nodeSelector"] == {"b": "2"}
    assert pod(both, "bot-gateway-remediator")["priorityClassName"] == "high"


def test_security_contexts_can_drop_ids_as_openshift_needs_it() -> None:
    nothing = {"runAsUser": None, "runAsGroup": None, "fsGroup": None}
    values = {
        "podSecurityContext": nothing,
        "securityContext": {"runAsNonRoot": True},
        "operator": {"podSecurityContext": nothing},
        "redis": {"podSecurityContext": nothing},
    }
    rendering = gateway(values)
    for manifest in rendering.manifests:
        for spec in pod_specs(manifest):
            assert spec["securityContext"] == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    context = pod(rendering, "bot-gateway")["containers"][0]["securityContext"]
    assert context["runAsNonRoot"] is True
    assert context["capabilities"] == {"drop": ["ALL"]}


def test_the_strategy_is_a_value(conventions: Rendering) -> None:
    strategy = conventions.one("Deployment", "bot-gateway")["spec"]["strategy"]
    assert strategy["rollingUpdate"] == {"maxSurge": "50%", "maxUnavailable": 0}


def test_services_have_the_ip_families_of_the_values_and_the_programs_their_address() -> None:
    values = {"service": {"ipFamilyPolicy": "RequireDualStack", "ipFamilies": ["IPv6", "IPv4"]}, "listenAddress": "::"}
    rendering = gateway(values)
    for service in rendering.kind("Service"):
        assert service["spec"]["ipFamilyPolicy"] == "RequireDualStack"
        assert service["spec"]["ipFamilies"] == ["IPv6", "IPv4"]
    assert rendering.one("ConfigMap", "bot-gateway")["data"]["HOST"] == "::"
    variables = pod(rendering, "bot-gateway-remediator")["containers"][0]["env"]
    assert {"name": "REMEDIATOR_HOST", "value": "::"} in variables


def test_rules_and_annotations_are_added_and_the_charts_labels_stay(conventions: Rendering) -> None:
    groups = {group["name"]: group for group in conventions.one("PrometheusRule", "bot-gateway")["spec"]["groups"]}
    assert groups["company.rules"]["rules"][0]["record"] == "company:bot_gateway_messages:rate5m"
    for rule in groups["bot-gateway.alerts"]["rules"]:
        assert rule["annotations"]["team_page"] == "https://wiki.example.com/bots"
        assert rule["labels"]["team"] == "bots"
    own = gateway({"rules": {"alertLabels": {"severity": "page"}, "alertAnnotations": {"summary": "x"}}})
    for rule in own.one("PrometheusRule", "bot-gateway")["spec"]["groups"][0]["rules"]:
        assert rule["labels"]["severity"] != "page"
        assert rule["annotations"]["summary"] != "x"


def test_further_objects_are_templates() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: '{{ .Release.Name }}-text'\n"
    mapping = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "{{ .Release.Namespace }}-mapping"}}
    rendering = gateway({"extraObjects": [text, mapping]})
    assert rendering.has("ConfigMap", "bot-gateway-text")
    assert rendering.has("ConfigMap", "bots-mapping")


def test_every_container_of_the_chart_requests_ephemeral_storage_for_its_files() -> None:
    for deployment in DEPLOYMENTS:
        assert pod(gateway(), deployment)["containers"][0]["resources"]["requests"]["ephemeral-storage"]


def test_the_pod_of_helm_test_may_reach_the_gateway_alone() -> None:
    spec = gateway().one("NetworkPolicy", "bot-gateway-test")["spec"]
    assert spec["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "test"
    assert spec["ingress"] == []
    _, rule = spec["egress"]
    assert rule["to"][0]["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "gateway"
    assert [port["port"] for port in rule["ports"]] == ["http", "internal"]


@pytest.mark.parametrize(
    "values",
    [
        {"extraVolumes": [{"emptyDir": {}}]},
        {"service": {"ipFamilies": ["IPv5"]}},
        {"imagePullSecrets": [{"nam": "x"}]},
        {"operator": {"nodeSelector": "x"}},
        {"caBundle": {"configMap": "x"}},
        {"telegram": {"proxy": "https://proxy.test:3128"}},
        {"telegram": {"proxy": "socks5://proxy.test"}},
        {"rules": {"additionalGroups": [{"name": "x"}]}},
    ],
    ids=str,
)
def test_wrong_values_are_refused(values: dict[str, Any]) -> None:
    with pytest.raises(RenderError, match="schema"):
        gateway(values)


def test_all_of_it_is_valid(conventions: Rendering) -> None:
    for manifest in conventions.manifests:
        validate(manifest)
