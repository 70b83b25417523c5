"""Comparing the schema that the API server serves with what this operator reads and writes.

Helm never upgrades CRDs, so an operator may meet an older schema, which silently drops the fields that it does
not know. One line at start says so.
"""

import json
from dataclasses import dataclass
from typing import Any

from kubernetes.aio import client
from pydantic import BaseModel

from remediator.api.names import GROUP, POLICY_KIND, REMEDIATION_KIND, VERSION
from remediator.api.policy import PolicySpec, PolicyStatus
from remediator.api.remediation import RemediationSpec, RemediationStatus
from remediator.kube import NotFoundError, translated

_PATH = f"/openapi/v3/apis/{GROUP}/{VERSION}"
_EXPECTED: dict[str, dict[str, type[BaseModel]]] = {
    POLICY_KIND: {"spec": PolicySpec, "status": PolicyStatus},
    REMEDIATION_KIND: {"spec": RemediationSpec, "status": RemediationStatus},
}
_SHOWN = 8


@dataclass(frozen=True, slots=True)
class SchemaCheck:
    """One line about the served schema, and whether it is too old to write a Remediation's status."""

    line: str
    too_old: bool = False


async def compare_schema(api: client.ApiClient, seconds: float) -> SchemaCheck:
    """Compare the served schema with what this version reads and writes.

    A status with a phase that the schema does not know would be refused at every write (422), and one with an unknown
    field would lose it, for example which pods were affected. Both mean that nothing may be written.

    Raises:
        KubeError: when the schema cannot be read.
    """
    try:
        served = await _served(api, seconds)
    except NotFoundError:
        return SchemaCheck(
            f"the API server does not serve {GROUP}/{VERSION}: apply the CRDs of the chart's crds/ folder"
        )
    missing = [field for kind, parts in _EXPECTED.items() for field in _missing(served.get(kind, {}), kind, parts)]
    if not missing:
        return SchemaCheck("the served schema has every field and value that this version uses")
    more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
    line = (
        f"the served schema lacks {', '.join(missing[:_SHOWN])}{more}: "
        "apply the CRDs of this chart version with kubectl apply --server-side -f crds/"
    )
    return SchemaCheck(line, too_old=any(path.startswith(f"{REMEDIATION_KIND}.status") for path in missing))


async def _served(api: client.ApiClient, seconds: float) -> dict[str, Any]:
    """Return the schemas by kind."""
    async with translated("read the served schema"):
        method, url, headers, *_ = await api.param_serialize(
            method="GET",
            resource_path=_PATH,
            header_params={"Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        response = await api.call_api(method, url, headers, _request_timeout=seconds)
        body = await response.response.read()
        if response.status != 200:
            # An error is not an old schema: nothing is known of it then.
            raise client.ApiException(status=response.status, reason=_PATH)
        schemas = json.loads(body).get("components", {}).get("schemas", {})
    return {
        entry["kind"]: schema
        for schema in schemas.values()
        for entry in schema.get("x-kubernetes-group-version-kind", [])
    }


def _missing(schema: dict[str, Any], kind: str, parts: dict[str, type[BaseModel]]) -> list[str]:
    found: list[str] = []
    for part, model in parts.items():
        expected = model.model_json_schema(by_alias=True, mode="serialization")
        served = schema.get("properties", {}).get(part, {})
        found += [f"{kind}.{path}" for path in _lacking(served, expected, expected.get("$defs", {}), part)]
    return found


def _lacking(served: dict[str, Any], expected: dict[str, Any], defs: dict[str, Any], path: str) -> list[str]:
    """Return the paths of properties that are expected and not served, at any depth."""
    expected = _resolved(expected, defs)
    lacking: list[str] = []
    if "enum" in served:
        lacking += [f"{path}={value}" for value in expected.get("enum", []) if value not in served["enum"]]
    for name, part in expected.get("properties", {}).items():
        properties = served.get("properties", {})
        if name not in properties:
            lacking.append(f"{path}.{name}")
            continue
        lacking += _lacking(properties[name], part, defs, f"{path}.{name}")
    if "items" in expected:
        lacking += _lacking(served.get("items", {}), expected["items"], defs, f"{path}[]")
    return lacking


def _resolved(schema: dict[str, Any], defs: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, and the one meaningful branch of an optional value."""
    if "$ref" in schema:
        return _resolved(defs[schema["$ref"].rsplit("/", 1)[1]], defs)
    for branch in schema.get("anyOf", []):
        if branch.get("type") != "null" and (
            "$ref" in branch or "properties" in branch or "items" in branch or "enum" in branch
        ):
            return _resolved(branch, defs)
    return schema
