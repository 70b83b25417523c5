"""The committed OpenAPI documents are those of the code, and they are sound."""

import json
import re

import pytest

from sandbox.backends.openapi import DIRECTORY, documents, rendered

NAMES = ("auth", "request", "user", "shift")


@pytest.mark.parametrize("name", NAMES)
def test_documents_match_the_code(name: str) -> None:
    committed = (DIRECTORY / f"{name}.json").read_text()
    assert committed == rendered(documents()[name]), "run: python -m sandbox.backends.openapi"


@pytest.mark.parametrize("name", NAMES)
def test_every_reference_resolves(name: str) -> None:
    document = documents()[name]
    referenced = set(re.findall(r"#/components/schemas/(\w+)", json.dumps(document)))
    assert referenced <= set(document["components"]["schemas"])


def test_operation_ids_are_unique() -> None:
    ids = [
        operation["operationId"]
        for document in documents().values()
        for path in document["paths"].values()
        for operation in path.values()
    ]
    assert len(ids) == len(set(ids)) == 20


async def test_responses_match_the_document(backends) -> None:
    from jsonschema import Draft202012Validator

    from sandbox.people import Role

    admin = backends.person(Role.ADMIN)
    for service, path, schema in (
        ("request", "/requests", "RequestPage"),
        ("user", "/users", "UserPage"),
        ("shift", "/shifts", "ShiftPage"),
        ("shift", "/shifts/statistics", "ShiftStatistics"),
    ):
        document = documents()[service]
        _status, body = await backends(service, "GET", path, actor=admin)
        whole = {"$ref": f"#/components/schemas/{schema}", "components": document["components"]}
        Draft202012Validator(whole).validate(body)
