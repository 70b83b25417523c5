"""aiogram's FSM storage over the snapshot that the claim brought; the commit writes it back.

So a dialogue costs no round trip of its own, and a handler that fails leaves it as it was. It serves only the update
being handled, and only its own chat and user: another's dialogue cannot be reached from here.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

from aiogram.fsm.state import State
from aiogram.fsm.storage.base import BaseEventIsolation, BaseStorage, StateType, StorageKey

from app.delivery.context import UpdateContext, current_update


class SnapshotStorage(BaseStorage):
    """State and data of `current_update`."""

    async def set_state(self, key: StorageKey, state: StateType = None) -> None:
        """Change the state in the snapshot."""
        context = _context(key)
        context.state = state.state if isinstance(state, State) else state
        context.fsm_changed = True

    async def get_state(self, key: StorageKey) -> str | None:
        """The state as the update found or set it."""
        return _context(key).state

    async def set_data(self, key: StorageKey, data: Mapping[str, Any]) -> None:
        """Change the data in the snapshot; it must be plain JSON."""
        context = _context(key)
        context.data = dict(data)
        context.fsm_changed = True

    async def get_data(self, key: StorageKey) -> dict[str, Any]:
        """A copy of the data, as aiogram's own storages give it."""
        return dict(_context(key).data)

    async def close(self) -> None:
        """There is nothing to close."""


class ClaimedIsolation(BaseEventIsolation):
    """The claim holds the chat's lane on every replica, so nothing is left to lock."""

    def __init__(self) -> None:
        self._nothing: AbstractAsyncContextManager[None] = nullcontext()

    # It is no generator, and needs no key.
    def lock(self, key: StorageKey) -> AbstractAsyncContextManager[None]:  # type: ignore[override]  # noqa: ARG002
        """Nothing to wait for."""
        return self._nothing

    async def close(self) -> None:
        """There is nothing to close."""


def _context(key: StorageKey) -> UpdateContext:
    context = current_update.get()
    if context is None:
        raise RuntimeError("the FSM is only there while an update is handled")
    if key.user_id != context.user_id or key.chat_id != context.chat_id:
        raise RuntimeError("the FSM of another chat or user cannot be reached from this update")
    return context
