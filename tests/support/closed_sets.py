"""The sets that label values must come from, and what in a page of metrics lies outside of them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from aiogram import Router, methods
from aiogram.methods import TelegramMethod
from prometheus_client import Metric

from app.bot import callbacks, setup
from app.bot.states import STATE_NAMES
from app.core.metrics import FAMILIES
from support.metric_watch import PREFIX

LIBRARY_LABELS = {"le"}
CLIENT_FAMILIES = ("python_", "process_")
"""Families of the Python client itself: one process has a fixed number of their series."""
_STATUS = re.compile(r"[1-5]\d\d|error")
_CLASS = re.compile(r"[A-Za-z_]{1,60}")
_VERSION = re.compile(r"[0-9A-Za-z.+-]{1,40}")
MIDDLEWARES = {"metrics", "addressed", "i18n", "rate_limit", "auth", "guard"}


def _actions(routers: Iterable[Router]) -> set[str]:
    observers = (observer for router in routers for observer in router.observers.values())
    flags = (handler.flags for observer in observers for handler in observer.handlers)
    return {flag["action"] for flag in flags if "action" in flag}


BOT_API = {
    method.__api_method__
    for method in vars(methods).values()
    if isinstance(method, type) and issubclass(method, TelegramMethod) and method is not TelegramMethod
}
# The sets that the registry only describes, because they are the bot's.
_DESCRIBED: dict[tuple[str, str], set[str] | re.Pattern[str]] = {
    ("commands_total", "command"): {*setup.COMMANDS, "other"},
    ("callbacks_total", "callback_type"): {*callbacks.TYPES.values(), "other"},
    ("fsm_state_transitions_total", "from_state"): {*STATE_NAMES, "none", "other"},
    ("fsm_state_transitions_total", "to_state"): {*STATE_NAMES, "none", "other"},
    ("active_fsm_sessions", "state"): {*STATE_NAMES, "other"},
    ("exceptions_total", "exception_type"): _CLASS,
    ("middleware_duration_seconds", "middleware"): MIDDLEWARES,
    ("service_requests_total", "status"): _STATUS,
    ("telegram_requests_total", "method"): BOT_API,
    ("telegram_requests_total", "status"): _STATUS,
    ("telegram_request_duration_seconds", "method"): BOT_API,
    ("admin_actions_total", "action"): {"statistics", "open_user", "block", "unblock", "broadcast"},
    ("admin_searches_total", "search_type"): {"requests", "users"},
    ("user_actions_total", "action"): _actions(setup._ROUTERS),
    ("build_info", "version"): _VERSION,
    ("build_info", "python_version"): _VERSION,
}


def allowed(family: str, label: str) -> set[str] | re.Pattern[str]:
    """The values that a label of a family may have; KeyError where nobody has said so."""
    [declared] = [one.labels[label] for one in FAMILIES if one.name == PREFIX + family]
    return _DESCRIBED[family, label] if isinstance(declared, str) else set(declared)


def outside(metrics: Iterable[Metric]) -> list[str]:
    """Each label value of the gateway's families that is in no closed set."""
    found = []
    for metric in metrics:
        if metric.name.startswith(CLIENT_FAMILIES):
            continue
        name = metric.name if metric.type != "counter" else f"{metric.name}_total"
        for sample in metric.samples:
            for label, value in sample.labels.items():
                if label in LIBRARY_LABELS:
                    continue
                values = allowed(name.removeprefix(PREFIX), label)
                fits = values.fullmatch(value) if isinstance(values, re.Pattern) else value in values
                if not fits:
                    found.append(f"{name}{{{label}={value!r}}}")
    return found


def most_series() -> int:
    """How many series there may be: the product of the sets, where a pattern stands for a hundred values."""
    total = 0
    for family in FAMILIES:
        values = [allowed(family.name.removeprefix(PREFIX), label) for label in family.labels]
        series = 1
        for one in values:
            series *= 100 if isinstance(one, re.Pattern) else len(one)
        total += series * (20 if family.kind == "histogram" else 1)
    return total
