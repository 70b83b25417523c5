"""The one line about the served schema."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from remediator.kube import KubeError
from remediator.schema_check import SchemaCheck, compare_schema

CRDS = Path(__file__).parents[3] / "charts" / "bot-gateway" / "crds"


def served() -> dict[str, Any]:
    """The OpenAPI document that an API server makes of the chart's CRDs, as far as it is read."""
    schemas: dict[str, Any] = {}
    for path in CRDS.glob("*.yaml"):
        definition = yaml.safe_load(path.read_text())["spec"]
        kind = definition["names"]["kind"]
        schema = copy.deepcopy(definition["versions"][0]["schema"]["openAPIV3Schema"])
        schemas[kind] = {**schema, "x-kubernetes-group-version-kind": [{"kind": kind}]}
    return {"components": {"schemas": schemas}}


class Response:
    def __init__(self, status: int, body: Any) -> None:
        self.status = status
        self.response = self
        self._body = json.dumps(body).encode()

    async def read(self) -> bytes:
        return self._body


class Api:
    def __init__(self, status: int, body: Any) -> None:
        self._answer = Response(status, body)

    async def param_serialize(self, **_: Any) -> tuple[str, str, dict[str, str]]:
        return "GET", "https://api/openapi", {}

    async def call_api(self, *_: Any, **__: Any) -> Response:
        return self._answer


async def compared(status: int, body: Any) -> SchemaCheck:
    return await compare_schema(Api(status, body), 1.0)  # type: ignore[arg-type]  # the two calls it makes


async def test_own_schema_fits() -> None:
    assert await compared(200, served()) == SchemaCheck(
        "the served schema has every field and value that this version uses"
    )


async def test_older_schema_is_named_field_by_field() -> None:
    document = served()
    remediation = document["components"]["schemas"]["Remediation"]["properties"]
    del remediation["status"]["properties"]["retryAt"]
    del remediation["status"]["properties"]["steps"]["items"]["properties"]["pods"]["items"]["properties"]["uid"]
    check = await compared(200, document)
    line = check.line
    assert check.too_old
    assert "Remediation.status.retryAt" in line
    assert "Remediation.status.steps[].pods[].uid" in line
    assert "kubectl apply --server-side" in line


@pytest.mark.parametrize(("status", "body"), [(404, {}), (200, {"components": {"schemas": {}}})])
async def test_missing_kinds_are_said(status: int, body: Any) -> None:
    assert "crds/" in (await compared(status, body)).line


async def test_a_phase_that_the_installed_schema_does_not_know_is_too_old() -> None:
    document = served()
    document["components"]["schemas"]["Remediation"]["properties"]["status"]["properties"]["phase"]["enum"].remove(
        "Unproven"
    )
    check = await compared(200, document)
    assert check.too_old
    assert "Remediation.status.phase=Unproven" in check.line


async def test_a_policy_field_that_the_installed_schema_lacks_is_said_and_harms_nothing() -> None:
    document = served()
    del document["components"]["schemas"]["RemediationPolicy"]["properties"]["spec"]["properties"]["historyLimit"]
    check = await compared(200, document)
    assert not check.too_old
    assert "RemediationPolicy.spec.historyLimit" in check.line


async def test_a_newer_schema_fits() -> None:
    document = served()
    status = document["components"]["schemas"]["Remediation"]["properties"]["status"]["properties"]
    status["fieldOfALaterVersion"] = {"type": "string"}
    status["phase"]["enum"].append("PhaseOfALaterVersion")
    assert not (await compared(200, document)).too_old


@pytest.mark.parametrize("status", [403, 429, 500, 503])
async def test_a_schema_that_the_api_server_refuses_to_serve_is_not_called_too_old(status: int) -> None:
    """Hardened clusters take discovery from service accounts; read-only for that would switch the operator off."""
    with pytest.raises(KubeError, match=str(status)):
        await compared(status, {"kind": "Status", "message": "no"})


async def test_a_schema_that_is_not_json_is_an_error_of_the_api_server() -> None:
    api = Api(200, None)
    api._answer._body = b"<html>"
    with pytest.raises(KubeError):
        await compare_schema(api, 1.0)  # type: ignore[arg-type]  # the two calls it makes
