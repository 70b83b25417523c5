"""What `app.compat` relies on is unchanged, and nothing outside it touches other packages' internals."""

import ast
import functools
import hashlib
import importlib
import inspect
import pkgutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiogram import Dispatcher, Router
from aiogram.client.context_controller import BotContextController
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.dispatcher.event.handler import CallableObject, FilterObject, HandlerObject
from aiogram.dispatcher.event.telegram import TelegramEventObserver
from aiogram.filters import Command, StateFilter
from aiogram.filters.callback_data import CallbackData, CallbackQueryFilter
from opentelemetry.exporter.otlp.proto.common._internal import _encode_resource
from opentelemetry.sdk.resources import Resource
from pydantic import BaseModel

import app

INTERNALS: dict[str, tuple[str, list[Callable[..., Any]]]] = {
    "dispatch_index": (
        "aiogram",
        [
            Dispatcher.feed_update,
            Dispatcher._listen_update,
            Router.propagate_event,
            Router._propagate_event,
            TelegramEventObserver.trigger,
            TelegramEventObserver._resolve_middlewares,
            TelegramEventObserver.check_root_filters,
            HandlerObject.check,
            CallableObject.call,
            FilterObject.__post_init__,
            Command.__call__,
            Command.extract_command,
            Command.parse_command,
            StateFilter.__call__,
            CallbackQueryFilter.__call__,
            CallbackData.unpack,
        ],
    ),
    "lazy_message": ("pydantic", [BotContextController.model_post_init, BaseModel.model_construct.__func__]),  # type: ignore[attr-defined]
    "hashed_resource": ("opentelemetry-sdk", [Resource.__hash__, Resource.__eq__, _encode_resource]),
}
CHECKSUMS = {
    "dispatch_index": "22889770916afdbc",
    "lazy_message": "72f820deda282308",
    "hashed_resource": "a9400f8e0d3a5bda",
}


def checksum(functions: list[Callable[..., Any]]) -> str:
    """Of the functions' text without indentation, empty lines and lines of comment: the same on every Python."""
    lines = [line.strip() for function in functions for line in inspect.getsource(function).splitlines()]
    kept = [line for line in lines if line and not line.startswith("#")]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()[:16]


@pytest.mark.parametrize("name", INTERNALS)
def test_the_internals_are_those_it_was_written_for(name: str) -> None:
    package, functions = INTERNALS[name]
    assert checksum(functions) == CHECKSUMS[name], (
        f"{package} {version(package)} changed what app.compat.{name} relies on: read the change, let the differential"
        f" test of the module pass, then enter the new checksum here"
    )


EXTENSION_POINTS = {"__init__"}
"""Special methods that a subclass is meant to extend; abstract ones are another."""
DOCUMENTED = {"os._exit"}
"""Underscored names of Python's documentation."""


def test_only_compat_touches_other_packages_internals() -> None:
    found = [finding for module, tree in modules() for finding in (*private_accesses(tree), *overridden(module, tree))]
    assert found == []


def test_the_search_finds_what_it_looks_for() -> None:
    assert list(private_accesses(ast.parse("pool._in_use\nfrom aiogram._x import y\nfrom redis import _z"))) == [
        "pool._in_use",
        "from aiogram._x",
        "from redis import _z",
    ]
    module = ModuleType("app.example")
    source = """
class Session(AiohttpSession):
    def __call__(self): return self._session
    async def close(self): self._mine = None
"""
    exec(source, vars(module) | {"AiohttpSession": AiohttpSession}, vars(module))
    assert list(overridden(module, ast.parse(source))) == [
        "app.example.Session: __call__ of aiogram.client.session.base.BaseSession",
        "app.example.Session: _session of aiogram.client.session.aiohttp.AiohttpSession",
    ]


def modules() -> Iterator[tuple[ModuleType, ast.Module]]:
    """Every module of the gateway outside `app.compat` with its syntax tree."""
    for info in pkgutil.walk_packages(app.__path__, "app."):
        if info.name.startswith("app.compat") or info.name.endswith("__main__"):
            continue
        module = importlib.import_module(info.name)
        assert module.__file__ is not None
        yield module, ast.parse(Path(module.__file__).read_text("utf-8"), module.__file__)


def private_accesses(tree: ast.Module) -> Iterator[str]:
    """Underscored attributes of anything but `self` and `cls`, unless the module defines the name itself."""
    own = {
        name
        for node in ast.walk(tree)
        for name in (
            [node.name]
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            else [node.attr]
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value)
            else []
        )
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not is_private(node.attr) or is_self(node.value):
            continue
        if node.attr not in own and ast.unparse(node) not in DOCUMENTED:
            yield f"{ast.unparse(node)}"
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] != "app":
            yield from (f"from {node.module} import {a.name}" for a in node.names if is_private(a.name))
            if any(is_private(part) for part in (node.module or "").split(".")):
                yield f"from {node.module}"


def overridden(module: ModuleType, tree: ast.Module) -> Iterator[str]:
    """Underscored and special names that a class redefines or uses of a base class of another package."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.ClassDef):
            continue
        cls = getattr(module, node.name, None)
        if not isinstance(cls, type):
            continue
        foreign = [base for base in cls.__mro__[1:] if not is_ours(base)]
        for item in ast.walk(node):
            name = None
            if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and item.name.startswith("_"):
                name = item.name
            elif isinstance(item, ast.Attribute) and is_self(item.value) and is_private(item.attr):
                name = item.attr
            if name is None or name in EXTENSION_POINTS:
                continue
            for base in foreign:
                inherited = name in vars(base) or name in instance_attributes(base)
                if inherited and not getattr(vars(base).get(name), "__isabstractmethod__", False):
                    yield f"{module.__name__}.{node.name}: {name} of {base.__module__}.{base.__qualname__}"


@functools.cache
def instance_attributes(cls: type) -> frozenset[str]:
    """The attributes that the methods of a class assign to `self`."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(cls)))
    except (OSError, TypeError):
        # Written in C.
        return frozenset()
    return frozenset(
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_self(node.value)
    )


def is_ours(cls: type) -> bool:
    """Defined by the gateway or by Python itself."""
    return cls.__module__.split(".")[0] in {"app", *sys.stdlib_module_names}


def is_self(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("self", "cls")


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")
