"""The FSM states of the dialogues."""

from collections.abc import Mapping
from typing import Any

from aiogram.fsm.state import State, StatesGroup


class NewRequestDialog(StatesGroup):
    """The steps of a new request, in this order."""

    category = State()
    address = State()
    description = State()
    photos = State()
    confirm = State()


class CommentDialog(StatesGroup):
    text = State()


class SearchDialog(StatesGroup):
    """The search for a request or a user."""

    query = State()


class BroadcastDialog(StatesGroup):
    text = State()
    confirm = State()


STATE_NAMES = frozenset(
    state
    for group in (NewRequestDialog, CommentDialog, SearchDialog, BroadcastDialog)
    for state in group.__state_names__
)
"""The name of every state, as in the FSM storage and in the metrics."""


class DialogueExpiredError(Exception):
    """The data of a dialogue lacks what its state needs: another release of the bot started it."""


def dialogue_value(data: Mapping[str, Any], name: str) -> Any:
    """Return a value from the data of a dialogue; raises DialogueExpiredError if it is missing."""
    try:
        return data[name]
    except KeyError:
        raise DialogueExpiredError(name) from None
