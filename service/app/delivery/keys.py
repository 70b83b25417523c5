"""Where an update's things lie in Redis. All of one chat share a hash slot, so that one script may touch them."""

from dataclasses import dataclass
from typing import NewType

Token = NewType("Token", str)
"""Proves who holds a lane; random for each attempt at an update."""


@dataclass(frozen=True, slots=True)
class Address:
    """Whom an update concerns. `lane_id` is the chat, or the user where there is no chat (inline queries)."""

    update_id: int
    lane_id: int
    chat_type: str
    user_id: int


class KeySpace:
    """Makes the keys; `prefix` and `bot_id` keep installations and bots apart."""

    def __init__(self, prefix: str, bot_id: int) -> None:
        self._prefix = prefix
        self._bot_id = bot_id

    def of_update(self, address: Address) -> tuple[str, str, str, str, str]:
        """lane, done, fsm, ident, rl, in the order of the scripts."""
        tag = f"{self._prefix}:{{{self._bot_id}:{address.lane_id}}}:"
        user = address.user_id
        return (f"{tag}lane", f"{tag}done", f"{tag}fsm:{user}", f"{tag}ident:{user}", f"{tag}rl:{user}")

    def shared(self, *parts: str | int) -> str:
        """A key that belongs to the bot and to no chat."""
        return ":".join((self._prefix, str(self._bot_id), *map(str, parts)))
