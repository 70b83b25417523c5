"""Callback data fits into Telegram's limit, whatever the ids."""

import itertools
import typing
from enum import Enum
from typing import Any

import pytest
from aiogram.filters.callback_data import CallbackData
from pydantic import ValidationError

from app.bot import callbacks

KINDS = [
    kind
    for kind in vars(callbacks).values()
    if isinstance(kind, type) and issubclass(kind, CallbackData) and kind is not CallbackData
]


def longest(annotation: Any) -> Any:
    """Return the longest value of a field."""
    if typing.get_origin(annotation) is typing.Literal:
        return max(typing.get_args(annotation), key=len)
    choices = [choice for choice in typing.get_args(annotation) if choice is not type(None)]
    if choices:
        return longest(choices[0])
    if issubclass(annotation, Enum):
        return max(annotation, key=lambda member: len(str(member.value)))
    return True if annotation is bool else 2**63 - 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_longest_data_fits(kind: type[CallbackData]) -> None:
    values = {name: longest(field.annotation) for name, field in kind.model_fields.items()}
    if "page" in values:
        values["page"] = 10**6 - 1
    packed = kind(**values).pack()
    # In groups the owner of the keyboard follows, in at most 12 bytes.
    assert len(packed.encode()) <= 64 - 12
    assert kind.unpack(packed).model_dump() == kind(**values).model_dump()


def test_prefixes_are_known_and_differ() -> None:
    prefixes = [kind.__prefix__ for kind in KINDS]
    assert len(set(prefixes)) == len(prefixes)
    assert set(prefixes) == set(callbacks.TYPES)
    # To look at the photos of a request counts as opening it.
    assert len(set(callbacks.TYPES.values())) == len(prefixes) - 1
    assert all(not one.startswith(other + ":") for one, other in itertools.permutations(prefixes, 2))


@pytest.mark.parametrize("forged", ["ro:0:1", "ro:-1:1", f"ro:{2**63}:1", "ro:1:0", "ro:x:1", "ro:1", "ro:1:1:1"])
def test_ids_out_of_range_are_refused(forged: str) -> None:
    with pytest.raises((ValidationError, ValueError, TypeError)):
        callbacks.RequestOpen.unpack(forged)
