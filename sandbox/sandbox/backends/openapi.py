"""The backends' OpenAPI documents, made from their operations; ``python -m sandbox.backends.openapi`` writes them.

The documents in ``openapi/`` are committed, because the gateway's contract tests check its clients against them. A test
compares them with the code.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from sandbox.backends import auth, shifts, users
from sandbox.backends.models import ErrorResponse
from sandbox.backends.operation import Operation
from sandbox.backends.requests import RequestService
from sandbox.backends.service import ACTOR_HEADER, IDEMPOTENCY_HEADER
from sandbox.jsontypes import JsonObject

DIRECTORY = Path(__file__).with_name("openapi")
ERROR_RESPONSES = {
    "400": "The request is malformed",
    "401": "The service token is missing or wrong",
    "403": "The acting user is not allowed to do this",
    "404": "Not found",
    "409": "The current state does not allow it",
    "422": "A field is invalid",
}
_REFERENCE = "#/components/schemas/{model}"


def documents() -> dict[str, JsonObject]:
    """Return the documents by backend name."""
    operations: dict[str, Sequence[Operation]] = {
        "auth": auth.OPERATIONS,
        "request": RequestService(lambda _event: None).operations(),
        "user": users.OPERATIONS,
        "shift": shifts.OPERATIONS,
    }
    return {name: _document(name, its) for name, its in operations.items()}


def rendered(document: JsonObject) -> str:
    """Serialize a document as it is stored in its file."""
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def write_documents(directory: Path = DIRECTORY) -> None:
    directory.mkdir(exist_ok=True)
    for name, document in documents().items():
        (directory / f"{name}.json").write_text(rendered(document))


def _document(name: str, operations: Sequence[Operation]) -> JsonObject:
    paths: dict[str, JsonObject] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.verb.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": f"{name.capitalize()} Service", "version": "1"},
        "security": [{"service_token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {"service_token": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(operations),
        },
    }


def _operation(operation: Operation) -> JsonObject:
    described: JsonObject = {
        "operationId": operation.name,
        "summary": operation.summary,
        "parameters": [*_path_parameters(operation), *_query_parameters(operation), *_headers(operation)],
        "responses": {
            str(operation.status): {"description": operation.summary, "content": _content(operation.response)},
            **{
                code: {"description": text, "content": _content(ErrorResponse)}
                for code, text in ERROR_RESPONSES.items()
            },
        },
    }
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _content(operation.body)}
    return described


def _path_parameters(operation: Operation) -> list[JsonObject]:
    schema = {"type": "integer", "minimum": 0}
    names = re.findall(r"{(\w+)}", operation.path)
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in names]


def _query_parameters(operation: Operation) -> list[JsonObject]:
    if operation.query is None:
        return []
    schema = operation.query.model_json_schema(ref_template=_REFERENCE)
    return [
        {"name": name, "in": "query", "required": False, "schema": field}
        for name, field in schema["properties"].items()
    ]


def _headers(operation: Operation) -> list[JsonObject]:
    actor = "The acting user of the company; without it the caller acts for itself."
    headers = [{"name": ACTOR_HEADER, "in": "header", "description": actor, "schema": {"type": "integer"}}]
    if operation.writes:
        once = "A repeated write with the same key gets the stored response for 48 hours."
        headers.append({"name": IDEMPOTENCY_HEADER, "in": "header", "description": once, "schema": {"type": "string"}})
    return headers


def _content(model: type[BaseModel]) -> JsonObject:
    return {"application/json": {"schema": {"$ref": _REFERENCE.format(model=model.__name__)}}}


def _schemas(operations: Sequence[Operation]) -> JsonObject:
    models: dict[type[BaseModel], None] = {ErrorResponse: None}
    for operation in operations:
        models |= {model: None for model in (operation.response, operation.body, operation.query) if model is not None}
    _map, schema = models_json_schema([(model, "validation") for model in models], ref_template=_REFERENCE)
    definitions: JsonObject = schema["$defs"]
    queries = {operation.query.__name__ for operation in operations if operation.query is not None}
    return {name: definition for name, definition in sorted(definitions.items()) if name not in queries}


if __name__ == "__main__":
    write_documents()
