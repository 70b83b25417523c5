"""The dialogues' states."""

from collections.abc import Mapping
from typing import Any

from aiogram.fsm.state import State, StatesGroup


class NewRequestDialog(StatesGroup):
    """Filing a request, in this order."""

    category = State()
    address = State()
    description = State()
    photos = State()
    confirm = State()


class CommentDialog(StatesGroup):
    """Saying something about a request."""

    text = State()


class SearchDialog(StatesGroup):
    """Looking for a request or a user."""

    query = State()


class BroadcastDialog(StatesGroup):
    """Writing to many users."""

    text = State()
    confirm = State()


STATE_NAMES = frozenset(
    state
    for group in (NewRequestDialog, CommentDialog, SearchDialog, BroadcastDialog)
    for state in group.__state_names__
)
"""Every state by its name, as the storage and the metrics hold it."""


class StaleDialogError(Exception):
    """A dialogue's data is not what its state needs: another version of the bot began it."""


def recall(data: Mapping[str, Any], name: str) -> Any:
    """What a dialogue remembers under a name; raises StaleDialogError where it remembers nothing."""
    try:
        return data[name]
    except KeyError:
        raise StaleDialogError(name) from None
