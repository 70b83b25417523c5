"""The clients keep to the contract: they send and read what the OpenAPI documents of the backends declare."""

import json
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Any, cast

import jsonschema
import pytest
from pydantic import BaseModel

from app.backends import models
from app.backends.auth import AuthService
from app.backends.call import Call
from app.backends.client import BackendClient
from app.backends.models import RequestId, ShiftId, TelegramId, UserId
from app.backends.request import RequestService
from app.backends.shift import ShiftService
from app.backends.user import UserService

DOCUMENTS = {
    name: json.loads(files("sandbox.backends").joinpath("openapi", f"{name}.json").read_text("utf-8"))
    for name in ("auth", "request", "user", "shift")
}
ME = UserId(7)


def resolve(document: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in schema:
        found: dict[str, Any] = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        return found
    return schema


def example(document: dict[str, Any], schema: dict[str, Any]) -> Any:
    """Return a value of a schema with every property set."""
    schema = resolve(document, schema)
    if "anyOf" in schema:
        return example(document, schema["anyOf"][0])
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object" if "properties" in schema:
            return {name: example(document, inner) for name, inner in schema["properties"].items()}
        case "object":
            return {}
        case "array":
            return [example(document, schema["items"])]
        case "integer" | "number":
            return 1
        case "boolean":
            return True
        case _text:
            return "2026-01-01T00:00:00Z" if schema.get("format") == "date-time" else "text"


@pytest.mark.parametrize(
    ("service", "schema", "model"),
    [
        ("auth", "Identity", models.Identity),
        ("request", "Request", models.Request),
        ("request", "RequestPage", models.RequestPage),
        ("request", "RequestStatistics", models.Statistics),
        ("user", "User", models.User),
        ("user", "UserPage", models.UserPage),
        ("user", "RecipientPage", models.RecipientPage),
        ("user", "UserStatistics", models.Statistics),
        ("shift", "Shift", models.Shift),
        ("shift", "ShiftPage", models.ShiftPage),
        ("shift", "ShiftStatistics", models.Statistics),
    ],
)
def test_responses_are_valid_models(service: str, schema: str, model: type[BaseModel]) -> None:
    document = DOCUMENTS[service]
    declared = document["components"]["schemas"][schema]
    read = model.model_validate(example(document, declared))
    assert {name for name, field in model.model_fields.items() if field.is_required()} <= set(declared["required"])
    assert set(model.model_fields) <= set(declared["properties"])
    assert read.model_dump()


@pytest.mark.parametrize(
    ("service", "schema", "values"),
    [
        ("auth", "Role", models.Role),
        ("auth", "Specialization", models.Specialization),
        ("request", "Category", models.Category),
        ("request", "Urgency", models.Urgency),
        ("request", "RequestStatus", models.RequestStatus),
        ("user", "Role", models.Role),
        ("shift", "Specialization", models.Specialization),
        ("shift", "ShiftStatus", models.ShiftStatus),
    ],
)
def test_closed_sets_are_the_same(service: str, schema: str, values: Any) -> None:
    assert DOCUMENTS[service]["components"]["schemas"][schema]["enum"] == [value.value for value in values]


class Recording:
    """Replaces a BackendClient: records the call and sends nothing."""

    class Sent(Exception):  # noqa: N818 - not an error
        pass

    def __init__(self) -> None:
        self.call: Call | None = None

    async def send(self, call: Call) -> bytes:
        self.call = call
        raise Recording.Sent


NEW = models.NewRequest(
    category=models.Category.HEATING,
    address="Navoi 12",
    description="Cold",
    photos=("p",),
    location=models.Location(latitude=1.0, longitude=2.0),
)
Send = Callable[[Any], Awaitable[Any]]
CALLS: list[tuple[str, Any, Send]] = [
    ("auth", AuthService, lambda auth: auth.verify(TelegramId(1))),
    ("auth", AuthService, lambda auth: auth.link(TelegramId(1), "+998", "ru")),
    ("request", RequestService, lambda requests: requests.list(ME, page=2, status=models.RequestStatus.NEW)),
    ("request", RequestService, lambda requests: requests.get(ME, RequestId(5))),
    ("request", RequestService, lambda requests: requests.create(ME, NEW)),
    ("request", RequestService, lambda requests: requests.set_status(ME, RequestId(5), models.RequestStatus.DONE)),
    ("request", RequestService, lambda requests: requests.comment(ME, RequestId(5), "x")),
    ("request", RequestService, lambda requests: requests.search(ME, "x", page=1)),
    ("request", RequestService, lambda requests: requests.statistics(ME)),
    ("user", UserService, lambda users: users.get(ME, ME)),
    ("user", UserService, lambda users: users.set_language(ME, "uz")),
    ("user", UserService, lambda users: users.set_blocked(ME, UserId(8), blocked=True)),
    ("user", UserService, lambda users: users.search(ME, "x", page=1, role=models.Role.ADMIN)),
    ("user", UserService, lambda users: users.recipients(ME, models.Role.ADMIN, after=5)),
    ("user", UserService, lambda users: users.unlink(ME)),
    ("user", UserService, lambda users: users.statistics(ME)),
    (
        "shift",
        ShiftService,
        lambda shifts: shifts.list(ME, "open", page=1, specialization=models.Specialization.HEATING),
    ),
    ("shift", ShiftService, lambda shifts: shifts.take(ME, ShiftId(3))),
    ("shift", ShiftService, lambda shifts: shifts.release(ME, ShiftId(3))),
    ("shift", ShiftService, lambda shifts: shifts.set_availability(ME, available=False)),
    ("shift", ShiftService, lambda shifts: shifts.statistics(ME)),
]


async def sent(kind: Any, send: Send) -> Call:
    client = Recording()
    with pytest.raises(Recording.Sent):
        await send(kind(cast("BackendClient", client)))
    assert client.call is not None
    return client.call


@pytest.mark.parametrize(("service", "kind", "send"), CALLS)
async def test_calls_are_declared(service: str, kind: Any, send: Send) -> None:
    call = await sent(kind, send)
    document = DOCUMENTS[service]
    operation = document["paths"][call.route][call.method.lower()]
    schemas = {
        parameter["name"]: parameter["schema"]
        for parameter in operation.get("parameters", [])
        if parameter["in"] == "query"
    }
    assert set(call.query) <= set(schemas)
    for name, value in call.query.items():
        jsonschema.validate(value, {**schemas[name], "components": document["components"]})
    body = operation.get("requestBody")
    assert (body is None) is (call.body is None)
    if body is not None:
        schema = body["content"]["application/json"]["schema"]
        jsonschema.validate(dict(call.body or {}), {**schema, "components": document["components"]})


async def test_every_declared_operation_is_used() -> None:
    used = set()
    for service, kind, send in CALLS:
        call = await sent(kind, send)
        used.add((service, call.route, call.method.lower()))
    declared = {
        (service, route, method)
        for service, document in DOCUMENTS.items()
        for route, operations in document["paths"].items()
        for method in operations
    }
    assert used == declared


@pytest.mark.parametrize(("service", "kind", "send"), CALLS)
async def test_writes_have_an_operation(service: str, kind: Any, send: Send) -> None:
    call = await sent(kind, send)
    is_read = call.method == "GET" or call.route == "/api/v1/auth/verify"
    assert (call.operation is None) is is_read
    assert call.url_path == call.route.replace("{id}", str(call.path.get("id")))
