"""Encodes Bot API methods as JSON bodies, ten times cheaper than the form that aiogram sends."""

import datetime
from enum import Enum
from typing import Any

import orjson
from aiogram import Bot
from aiogram.client.default import Default
from aiogram.methods import TelegramMethod
from aiogram.types import InputFile, TelegramObject

_JSON_TYPES = frozenset({str, int, float, bool})


class HasFileError(Exception):
    """The method uploads a file, which JSON cannot contain."""


def encode(method: TelegramMethod[Any], bot: Bot) -> bytes:
    """Encode the body of a call.

    Raises:
        HasFileError: the call must be sent as a form instead.
    """
    body = {}
    for name, value in method.__dict__.items():
        # Most fields are not set, and most others are encoded.
        if value is None:
            continue
        encoded = value if type(value) in _JSON_TYPES else _to_json(value, bot)
        if encoded is not None:
            body[name] = encoded
    return orjson.dumps(body)


def _to_json(value: Any, bot: Bot) -> Any:
    if value is None or isinstance(value, str | int | float):
        return value.value if isinstance(value, Enum) else value
    match value:
        case Default():
            return _to_json(bot.default[value.name], bot)
        case InputFile():
            raise HasFileError
        case TelegramObject():
            fields = {name: _to_json(item, bot) for name, item in value.__dict__.items()}
            return {name: item for name, item in fields.items() if item is not None}
        case list() | tuple() | set():
            return [_to_json(item, bot) for item in value]
        case dict():
            return {name: _to_json(item, bot) for name, item in value.items()}
        case datetime.timedelta():
            return round((datetime.datetime.now(datetime.UTC) + value).timestamp())
        case datetime.datetime():
            return round(value.timestamp())
        case Enum():
            return value.value
        case _other:
            raise TypeError(f"cannot encode {type(value).__name__} for the Bot API")
