"""The statistics of the backends as text."""

from collections.abc import Callable
from typing import Any

from aiogram.utils.i18n import gettext as _

from app.backends.models import Category, RequestStatus, Role, Specialization, Statistics
from app.bot.texts import category_name, role_name, specialization_name, status_name

# How to translate the keys of a group; the keys of a group that is missing here (languages) are shown as they are.
_GROUPS: dict[str, Callable[[str], str]] = {
    "by_status": lambda key: status_name(RequestStatus(key)),
    "by_category": lambda key: category_name(Category(key)),
    "by_role": lambda key: role_name(Role(key)),
    "by_specialization": lambda key: specialization_name(Specialization(key)),
}


def statistics_lines(counts: Statistics) -> list[str]:
    """Return one line per count; a group is one line."""
    return [f"{_count_name(name)}: {_count(name, value)}" for name, value in counts.model_dump().items()]


def _count(name: str, value: Any) -> str:
    if not isinstance(value, dict):
        return str(value)
    named = _GROUPS.get(name, str)
    return ", ".join(f"{named(key)} {inner}" for key, inner in value.items()) or "—"


def _count_name(name: str) -> str:
    """Return the translated name of a count; a name that the bot does not know is shown as it is."""
    return {
        "total": _("Total"),
        "open": _("Open shifts"),
        "taken": _("Taken shifts"),
        "blocked": _("Blocked users"),
        "by_status": _("By status"),
        "by_category": _("By category"),
        "by_role": _("By role"),
        "by_language": _("By language"),
        "by_specialization": _("By specialization"),
    }.get(name, name)
