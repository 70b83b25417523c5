"""Validates manifests against the schemas of Kubernetes, the schemas of the CRDs and Pod Security."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate  # type: ignore[import-untyped]  # it has no stubs
import yaml

from support.charts import GATEWAY_CHART, Manifest

SCHEMAS = Path(__file__).parent / "schemas"
KUBERNETES_VERSIONS = ("1.29", "1.34")
Schema = dict[str, Any]


def validate(manifest: Manifest) -> None:
    """Raise ValidationError of kubernetes_validate or jsonschema where the manifest is wrong."""
    schema = custom_schemas().get((manifest["apiVersion"], manifest["kind"]))
    if schema is not None:
        # The schema itself is not checked: a pattern in it is of Go's regular expressions.
        jsonschema.Draft202012Validator(schema).validate(manifest)
        return
    for version in KUBERNETES_VERSIONS:
        kubernetes_validate.validate(manifest, version, strict=True)


@functools.cache
def custom_schemas() -> dict[tuple[str, str], Schema]:
    """The closed schemas of the custom resources that the charts use, by apiVersion and kind."""
    vendored = {
        ("monitoring.coreos.com/v1", "ServiceMonitor"): "servicemonitor_v1.json",
        ("monitoring.coreos.com/v1", "PrometheusRule"): "prometheusrule_v1.json",
        ("monitoring.coreos.com/v1alpha1", "AlertmanagerConfig"): "alertmanagerconfig_v1alpha1.json",
        ("gateway.networking.k8s.io/v1", "HTTPRoute"): "httproute_v1.json",
        ("keda.sh/v1alpha1", "ScaledObject"): "scaledobject_v1alpha1.json",
    }
    schemas = {key: json.loads((SCHEMAS / file).read_text()) for key, file in vendored.items()}
    for file in (GATEWAY_CHART / "crds").glob("*.yaml"):
        definition = yaml.safe_load(file.read_text())["spec"]
        for version in definition["versions"]:
            api = f"{definition['group']}/{version['name']}"
            schemas[(api, definition["names"]["kind"])] = version["schema"]["openAPIV3Schema"]
    strict = {key: closed(schema) for key, schema in schemas.items()}
    for schema in strict.values():
        # The API server adds ObjectMeta's fields to what a CRD says of metadata.
        schema["properties"]["metadata"].pop("additionalProperties", None)
    return strict


def closed(schema: Any) -> Any:
    """The schema with every object of known properties closed: what an API server would prune is an error here."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    result = {
        key: {name: closed(item) for name, item in value.items()} if key == "properties" else closed(value)
        for key, value in schema.items()
    }
    is_open = "additionalProperties" in schema or schema.get("x-kubernetes-preserve-unknown-fields")
    if schema.get("type") == "object" and "properties" in schema and not is_open:
        result["additionalProperties"] = False
    return result


def pod_specs(manifest: Manifest) -> Iterator[dict[str, Any]]:
    """The pod specs of a workload or a pod."""
    if manifest["kind"] == "Pod":
        yield manifest["spec"]
    elif manifest["kind"] in {"Deployment", "StatefulSet", "DaemonSet", "Job"}:
        yield manifest["spec"]["template"]["spec"]


RESTRICTED_VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def restricted_violations(spec: dict[str, Any]) -> list[str]:
    """What Pod Security's profile `restricted` would object to."""
    found = []
    pod = spec.get("securityContext", {})
    if any(spec.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
        found.append("shares a namespace of the host")
    found += [
        f"volume {volume['name']}"
        for volume in spec.get("volumes", [])
        if not set(volume) - {"name"} <= RESTRICTED_VOLUMES
    ]
    for container in [*spec.get("initContainers", []), *spec["containers"]]:
        context = {**pod, **container.get("securityContext", {})}
        name = container["name"]
        if context.get("privileged"):
            found.append(f"{name} is privileged")
        if context.get("allowPrivilegeEscalation") is not False:
            found.append(f"{name} may escalate privileges")
        if "ALL" not in context.get("capabilities", {}).get("drop", []):
            found.append(f"{name} keeps capabilities")
        if set(context.get("capabilities", {}).get("add", [])) - {"NET_BIND_SERVICE"}:
            found.append(f"{name} adds capabilities")
        if context.get("runAsNonRoot") is not True or context.get("runAsUser") == 0:
            found.append(f"{name} may be root")
        if context.get("seccompProfile", {}).get("type") not in {"RuntimeDefault", "Localhost"}:
            found.append(f"{name} has no seccomp profile")
        found += [f"{name} has a hostPort" for port in container.get("ports", []) if port.get("hostPort")]
    return found
