"""Reads as much of an update as aiogram understands: Telegram adds types and fields before libraries know them.

An optional part that cannot be read is left out, so that the text beside it is still handled. Parts that every handler
needs (ids, chat, sender, date) are never left out.
"""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

from pydantic_core import ErrorDetails

_NEEDED = frozenset({"update_id", "message_id", "date", "chat", "from", "id", "data", "message", "chat_instance"})
_MEMBER_STATUSES = {"kicked": {"until_date": 0}, "left": {}}


def without_unreadable(raw: dict[str, Any], errors: Sequence[ErrorDetails]) -> dict[str, Any] | None:
    """Return a copy of an update without the parts that `errors` are about; None if it needs one of them."""
    reduced = deepcopy(raw)
    for error in errors:
        if not _remove(reduced, [str(part) for part in error["loc"]]):
            return None
    return reduced


def _remove(raw: dict[str, Any], location: list[str]) -> bool:
    event = raw.get(location[0]) if location else None
    if not isinstance(event, dict):
        return False
    if location[0] in ("my_chat_member", "chat_member"):
        return _simplify_members(event)
    holder = event
    for part in location[1:]:
        # Locations also name the members of unions, which are no fields.
        if part not in holder:
            continue
        if part not in _NEEDED:
            del holder[part]
            return True
        if not isinstance(holder[part], dict):
            return False
        holder = holder[part]
    # An earlier error of the same part has removed it.
    return not _is_missing(event, location)


def _is_missing(event: dict[str, Any], location: list[str]) -> bool:
    return any(part in _NEEDED and part not in event for part in location[1:2])


def _simplify_members(event: dict[str, Any]) -> bool:
    """Reduce members to what handlers ask: out of the chat or in it, and who."""
    for name in ("old_chat_member", "new_chat_member"):
        member = event.get(name)
        if not isinstance(member, dict) or not isinstance(member.get("user"), dict):
            return False
        status = member.get("status")
        known = status if status in _MEMBER_STATUSES else "member"
        event[name] = {"status": known, "user": member["user"], **_MEMBER_STATUSES.get(known, {})}
    return True
