"""Arguments of a Bot API call: JSON, form, multipart or query."""

import json
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import web

from sandbox.telegram.errors import bad_request

# Arguments that are JSON-encoded inside a form field.
_JSON_FIELDS = frozenset(
    {"reply_markup", "allowed_updates", "commands", "scope", "media", "reply_parameters", "link_preview_options"}
)


@dataclass(frozen=True, slots=True)
class Upload:
    """A file uploaded with the call."""

    name: str
    content: bytes


Arguments = dict[str, Any]


async def read_arguments(request: web.Request) -> Arguments:
    """Parse a call's arguments by name; files become :class:`Upload`.

    Raises:
        BotApiError: the body does not match its content type.
    """
    arguments: Arguments = dict(request.query)
    if request.content_type == "application/json":
        arguments |= _json_object(await request.read())
    elif request.content_type in ("application/x-www-form-urlencoded", "multipart/form-data"):
        for name, value in (await request.post()).items():
            is_file = isinstance(value, web.FileField)
            arguments[name] = Upload(value.filename, value.file.read()) if is_file else value  # type: ignore[union-attr]  # narrowed by is_file
    return {name: _decoded(name, value) for name, value in arguments.items()}


def _json_object(body: bytes) -> Arguments:
    if not body:
        return {}
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise bad_request("can't parse JSON object") from error
    if not isinstance(decoded, dict):
        raise bad_request("expected a JSON object")
    return decoded


def _decoded(name: str, value: object) -> object:
    if name not in _JSON_FIELDS or not isinstance(value, str) or not value:
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError as error:
        raise bad_request(f"can't parse {name} JSON object") from error


def flag(arguments: Arguments, name: str) -> bool:
    """Return a Boolean argument, which forms encode as text."""
    return str(arguments.get(name, "")).lower() in ("true", "1", "yes")


def number(arguments: Arguments, name: str, default: int) -> int:
    """Return an integer argument.

    Raises:
        BotApiError: it is not an integer.
    """
    value = arguments.get(name)
    if value in (None, ""):
        return default
    try:
        return int(str(value))
    except ValueError as error:
        raise bad_request(f"{name} must be an integer") from error
