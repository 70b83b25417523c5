"""Every ci file of the charts with Helm 4 and 3: manifests that are valid and run in a restricted namespace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from chart.validation import pod_specs, restricted_violations, validate
from support.charts import JAEGER_CHART, RenderError, Rendering, helm_programs, render

SECRETS = (
    "SANDBOX-TOKEN",
    "a-secret-of-our-own",
    "the-secret-before",
    "sandbox-service-token",
    "services/T/B/X",
    "sandbox:sandbox@",
)


def test_every_object_is_valid_and_has_no_unknown_field(rendered: Rendering) -> None:
    assert rendered.manifests
    for manifest in rendered.manifests:
        validate(manifest)


def test_numeric_names_stay_strings(ci_file: Path) -> None:
    """A namespace may be called 2026, and a release 123 where that is no Service's name."""
    chart = ci_file.parents[1]
    release, values = ("jaeger", {}) if chart == JAEGER_CHART else ("123", {"fullnameOverride": "gateway"})
    for manifest in render(chart, values, files=(ci_file,), release=release, namespace="2026").manifests:
        validate(manifest)


def test_every_pod_may_run_under_pod_security_restricted(rendered: Rendering) -> None:
    specs = [spec for manifest in rendered.manifests for spec in pod_specs(manifest)]
    assert specs
    for spec in specs:
        assert restricted_violations(spec) == []
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"] is True
            assert container["resources"]["requests"]
            assert container["resources"]["limits"]["memory"]


def test_only_pods_with_a_role_mount_a_token(rendered: Rendering) -> None:
    """The operator, and the sandbox where it shows what the operator did."""
    components = {role["metadata"]["labels"]["app.kubernetes.io/component"] for role in rendered.kind("Role")}
    assert components <= {"remediator", "sandbox"}
    for manifest in rendered.manifests:
        for spec in pod_specs(manifest):
            has_role = manifest["metadata"]["labels"]["app.kubernetes.io/component"] in components
            assert spec["automountServiceAccountToken"] is has_role


def test_secrets_are_only_in_secrets(rendered: Rendering) -> None:
    for manifest in rendered.manifests:
        if manifest["kind"] != "Secret":
            for secret in SECRETS:
                assert secret not in str(manifest), f"{manifest['kind']} {manifest['metadata']['name']}"


def test_every_object_is_labelled(rendered: Rendering) -> None:
    for manifest in rendered.manifests:
        labels = manifest["metadata"]["labels"]
        for label in ("name", "instance", "component", "version", "managed-by", "part-of"):
            assert labels[f"app.kubernetes.io/{label}"], manifest["metadata"]["name"]
        assert labels["helm.sh/chart"]


def test_selectors_match_their_pods_by_stable_labels(rendered: Rendering) -> None:
    for kind in ("Deployment", "StatefulSet"):
        for workload in rendered.kind(kind):
            selector = workload["spec"]["selector"]["matchLabels"]
            assert selector.items() <= workload["spec"]["template"]["metadata"]["labels"].items()
            assert "app.kubernetes.io/version" not in selector
            assert "helm.sh/chart" not in selector


def test_every_service_leads_to_a_port_of_a_pod(rendered: Rendering) -> None:
    workloads = [*rendered.kind("Deployment"), *rendered.kind("StatefulSet")]
    for service in rendered.kind("Service"):
        (target,) = [
            workload
            for workload in workloads
            if service["spec"]["selector"].items() <= workload["spec"]["template"]["metadata"]["labels"].items()
        ]
        names = {
            port["name"]
            for container in target["spec"]["template"]["spec"]["containers"]
            for port in container.get("ports", [])
        }
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names


def test_helm_3_and_helm_4_agree(ci_file: Path) -> None:
    programs = helm_programs()
    if not {3, 4} <= set(programs):
        pytest.skip("Helm 3 or Helm 4 is missing: put both on PATH as helm3 and helm4")
    chart = ci_file.parents[1]
    three, four = (render(chart, files=(ci_file,), release=chart.name, helm=programs[major]) for major in (3, 4))
    assert _by_name(three) == _by_name(four)


@pytest.mark.parametrize(
    "values",
    [
        {"replicas": 3},
        {"telegram": {"tokn": "1:a"}},
        {"alerts": {"NoSuchAlert": {"enabled": False}}},
        {"operator": {"policy": {"mode": "enforce"}}},
        {"logLevel": "TRACE"},
        {"monitoring": {"enabled": "yes"}},
        {"alerting": {"critical": {"groupWait": "soon"}}},
        {"telegram": {"webhookSecret": "no spaces, please"}},
        {"externalRedis": {"url": "localhost:6379"}},
    ],
    ids=str,
)
def test_a_wrong_value_is_refused(values: dict[str, Any]) -> None:
    telegram = {"token": "1:a", **values.pop("telegram", {})}
    with pytest.raises(RenderError, match="schema"):
        render(values={"telegram": telegram, **values})


def _by_name(rendering: Rendering) -> dict[tuple[str, str], Any]:
    return {(manifest["kind"], manifest["metadata"]["name"]): manifest for manifest in rendering.manifests}


def test_every_entry_of_a_config_map_is_text(rendered: Rendering) -> None:
    # A value that does not exist renders as null, which the API server drops without a word.
    for manifest in rendered.kind("ConfigMap"):
        assert [key for key, value in manifest.get("data", {}).items() if not isinstance(value, str)] == []
