"""An aiogram FSM storage over the snapshot that the claim read; the commit writes it back.

A dialogue costs no round trip of its own, and a failed handler leaves it unchanged. Only for the update being handled
and its own chat and user: another dialogue cannot be reached.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any

import orjson
from aiogram.fsm.state import State
from aiogram.fsm.storage.base import BaseEventIsolation, BaseStorage, StateType, StorageKey

from app.delivery.context import UpdateContext, current_update


class SnapshotStorage(BaseStorage):
    """State and data of `current_update`."""

    async def set_state(self, key: StorageKey, state: StateType = None) -> None:
        context = _context(key)
        context.state = state.state if isinstance(state, State) else state
        context.fsm_changed = True

    async def get_state(self, key: StorageKey) -> str | None:
        return _context(key).state

    async def set_data(self, key: StorageKey, data: Mapping[str, Any]) -> None:
        """Change the data in the snapshot. Raises TypeError if it is not plain JSON."""
        context = _context(key)
        # Here the handler fails and the user is told; at the commit every redelivery of the update would fail.
        orjson.dumps(dict(data))
        context.data = dict(data)
        context.fsm_changed = True

    async def get_data(self, key: StorageKey) -> dict[str, Any]:
        """Return a copy, as aiogram's own storages do."""
        return dict(_context(key).data)

    async def close(self) -> None:
        """Nothing to close."""


class ClaimedIsolation(BaseEventIsolation):
    """Locks nothing: the claim holds the chat lock for all replicas."""

    def __init__(self) -> None:
        self._nothing: AbstractAsyncContextManager[None] = nullcontext()

    # It is no generator, and needs no key.
    def lock(self, key: StorageKey) -> AbstractAsyncContextManager[None]:  # type: ignore[override]  # noqa: ARG002
        return self._nothing

    async def close(self) -> None:
        """Nothing to close."""


def _context(key: StorageKey) -> UpdateContext:
    context = current_update.get()
    if context is None:
        raise RuntimeError("the FSM can only be used while an update is handled")
    if key.user_id != context.user_id or key.chat_id != context.chat_id:
        raise RuntimeError("the FSM of another chat or user cannot be reached from this update")
    return context
