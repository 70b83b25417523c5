"""Redis keys of an update. All keys of one chat are in one hash slot, so that one script may use them."""

from dataclasses import dataclass
from typing import NewType

Token = NewType("Token", str)
"""Lock token: proves who holds a chat lock; random for each sending of a claim."""


@dataclass(frozen=True, slots=True)
class UpdateOrigin:
    """The chat and user of an update. `lock_id` is the chat's id, or the user's where there is no chat."""

    update_id: int
    lock_id: int
    chat_type: str
    user_id: int


class KeySpace:
    """Builds keys; `prefix` and `bot_id` separate installations and bots."""

    def __init__(self, prefix: str, bot_id: int) -> None:
        self._prefix = prefix
        self._bot_id = bot_id

    def of_update(self, origin: UpdateOrigin) -> tuple[str, str, str, str, str]:
        """The keys of chat lock, committed updates, dialogue, identity and rate limit, in the order of the scripts."""
        tag = f"{self._prefix}:{{{self._bot_id}:{origin.lock_id}}}:"
        user = origin.user_id
        # "lane" is the chat lock's former name; it stays because old and new replicas must see the same locks.
        return (f"{tag}lane", f"{tag}done", f"{tag}fsm:{user}", f"{tag}ident:{user}", f"{tag}rl:{user}")

    def of_user(self, user_id: int) -> str:
        """The key of a user's rate limit over all chats: the one of their private chat, whose id is the user's."""
        return f"{self._prefix}:{{{self._bot_id}:{user_id}}}:rl:{user_id}"

    def dialogues(self, chat_id: int) -> str:
        """Return what the keys of all dialogues in a chat start with; the user's id follows."""
        return f"{self._prefix}:{{{self._bot_id}:{chat_id}}}:fsm:"

    def shared(self, *parts: str | int) -> str:
        """A key of the bot, in no chat's hash slot."""
        return ":".join((self._prefix, str(self._bot_id), *map(str, parts)))
