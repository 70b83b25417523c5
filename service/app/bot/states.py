"""The dialogues' states."""

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
