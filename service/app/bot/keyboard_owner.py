"""In groups an inline keyboard belongs to the person whose message it answers.

The owner is the last part of the callback data. It is no secret and no proof: backends authorise every action.
"""

from contextvars import ContextVar

SEPARATOR = "~"

current_owner: ContextVar[int | None] = ContextVar("current_owner", default=None)
"""The user whose update is handled in a group; None in a private chat, where every button is the user's own."""

_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def with_owner(data: str) -> str:
    """Return callback data with the current owner, in at most 11 further bytes."""
    owner = current_owner.get()
    return data if owner is None else f"{data}{SEPARATOR}{_base36(owner)}"


def split_owner(data: str) -> tuple[str, int | None]:
    """Return callback data without its owner, and the owner. Forged data has whatever owner it says."""
    plain, separator, owner = data.rpartition(SEPARATOR)
    if not separator:
        return data, None
    try:
        return plain, int(owner, 36)
    except ValueError:
        return data, None


def _base36(number: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = _DIGITS[digit] + digits
    return digits or "0"
