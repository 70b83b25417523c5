"""Chats with their members and messages, as Telegram stores them. State only, no I/O."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from sandbox.jsontypes import JsonObject
from sandbox.people import Person
from sandbox.telegram.errors import bad_request
from sandbox.telegram.known_errors import known_error

MESSAGES_KEPT = 200
FIRST_SUPERGROUP_ID = -1_001_000_000_000
GENERAL_TOPIC_ID = 1


class Access(StrEnum):
    """Whether the bot may write to a chat, and if not, why."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    NEVER_STARTED = "never_started"
    DEACTIVATED = "deactivated"
    KICKED = "kicked"
    LEFT = "left"
    DELETED = "deleted"
    NO_RIGHTS = "no_rights"
    RESTRICTED = "restricted"
    WRITE_FORBIDDEN = "write_forbidden"


# Client::check_chat_access of the Bot API server and MessagesManager::process_send_message_fail_error of td.
_ACCESS_ERRORS = {
    Access.BLOCKED: "blocked",
    Access.NEVER_STARTED: "cannot_initiate",
    Access.DEACTIVATED: "user_deactivated",
    Access.DELETED: "group_deleted",
    Access.NO_RIGHTS: "not_enough_rights",
    Access.RESTRICTED: "chat_restricted",
    Access.WRITE_FORBIDDEN: "write_forbidden",
}


@dataclass(slots=True)
class StoredMessage:
    """A Message object of the Bot API; ``seq`` grows with every change in the chat, edits included."""

    seq: int
    from_bot: bool
    content: JsonObject

    @property
    def message_id(self) -> int:
        return int(self.content["message_id"])

    def without_reply_keyboard(self) -> JsonObject:
        """Return the Message as a method returns it: without reply keyboards, with inline keyboards."""
        content = dict(self.content)
        if "inline_keyboard" not in content.get("reply_markup", {}):
            content.pop("reply_markup", None)
        return content


@dataclass(slots=True)
class TelegramUser:
    id: int
    first_name: str
    username: str
    language_code: str

    def as_json(self) -> JsonObject:
        """Return the User object of the Bot API."""
        return {
            "id": self.id,
            "is_bot": False,
            "first_name": self.first_name,
            "username": self.username,
            "language_code": self.language_code,
        }


@dataclass(slots=True)
class Chat:
    """One chat. ``seq`` counts both message ids and edits, so "newer than" is one comparison.

    ``topics`` are the forum topics by id, with whether each is open; a chat without any is no forum.
    """

    id: int
    type: Literal["private", "group", "supergroup"]
    title: str
    username: str = ""
    seq: int = 0
    access: Access = Access.ALLOWED
    migrated_to: int | None = None
    topics: dict[int, bool] = field(default_factory=dict)
    messages: dict[int, StoredMessage] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def blocked(self) -> bool:
        """Whether the user has blocked the bot."""
        return self.access is Access.BLOCKED

    @blocked.setter
    def blocked(self, blocked: bool) -> None:
        self.access = Access.BLOCKED if blocked else Access.ALLOWED

    def as_json(self) -> JsonObject:
        """Return the Chat object that messages contain."""
        named = {"first_name": self.title} if self.type == "private" else {"title": self.title}
        username = {"username": self.username} if self.username else {}
        forum = {"is_forum": True} if self.topics else {}
        return {"id": self.id, "type": self.type, **named, **username, **forum}

    def add(self, content: JsonObject, *, from_bot: bool) -> StoredMessage:
        """Store a new message, assign its id and chat, and wake waiting readers."""
        self.seq += 1
        stored = StoredMessage(self.seq, from_bot, {"message_id": self.seq, "chat": self.as_json()} | content)
        self.messages[self.seq] = stored
        while len(self.messages) > MESSAGES_KEPT:
            del self.messages[next(iter(self.messages))]
        self._wake()
        return stored

    def edited(self, message: StoredMessage) -> None:
        """Record a change of a stored message."""
        self.seq += 1
        message.seq = self.seq
        self._wake()

    def remove(self, message_id: int) -> bool:
        """Delete a message; return whether it existed."""
        return self.messages.pop(message_id, None) is not None

    def newer(self, seq: int) -> list[StoredMessage]:
        """Return the messages written or edited after ``seq``, oldest change first."""
        found = [message for message in self.messages.values() if message.seq > seq]
        return sorted(found, key=lambda message: message.seq)

    async def wait_newer(self, seq: int, timeout_seconds: float, *, from_bot: bool) -> list[StoredMessage]:
        """Wait for messages newer than ``seq``; return an empty list after the timeout."""
        found: list[StoredMessage] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while not (found := [m for m in self.newer(seq) if m.from_bot or not from_bot]):
                    await self.changed.wait()
        return found

    def _wake(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()


class Chats:
    """All chats and users, and the rules on where the bot may write."""

    def __init__(self, people: list[Person], clock: Callable[[], float]) -> None:
        self._clock = clock
        self._users: dict[int, TelegramUser] = {}
        self._chats: dict[int, Chat] = {}
        for person in people:
            self.user(person.telegram_id, person.name, person.username, person.language)

    def now(self) -> int:
        """Return Unix seconds, the unit of message dates."""
        return int(self._clock())

    def user(self, user_id: int, name: str = "", username: str = "", language: str = "en") -> TelegramUser:
        """Return a user; create an unknown one with a private chat."""
        user = self._users.get(user_id)
        if user is None:
            user = TelegramUser(user_id, name or f"User {user_id}", username or f"user_{user_id}", language)
            self._users[user_id] = user
            self._chats[user_id] = Chat(user_id, "private", user.first_name, user.username)
        return user

    def group(self, chat_id: int, title: str = "Yard") -> Chat:
        """Return a group; create it if it is new."""
        kind: Literal["group", "supergroup"] = "supergroup" if chat_id < FIRST_SUPERGROUP_ID // 1000 * 999 else "group"
        return self._chats.setdefault(chat_id, Chat(chat_id, kind, title))

    def find(self, chat_id: int) -> Chat | None:
        return self._chats.get(chat_id)

    def private(self, user_id: int) -> Chat:
        self.user(user_id)
        return self._chats[user_id]

    def writable(self, chat_id: object) -> Chat:
        """Return the chat of a method's ``chat_id`` if the bot may write there.

        Raises:
            BotApiError: unknown chat (400), no access (403 or 400), upgraded to a supergroup (400 with the new id).
        """
        chat = self.readable(chat_id)
        if chat.migrated_to is not None:
            raise known_error("migrated", migrate_to_chat_id=chat.migrated_to)
        match chat.access:
            case Access.ALLOWED:
                return chat
            case Access.KICKED:
                raise known_error(f"kicked_from_{chat.type}")
            case Access.LEFT:
                raise known_error(f"not_in_{chat.type}")
            case _other:
                raise known_error(_ACCESS_ERRORS[chat.access])

    def thread(self, chat: Chat, thread_id: int) -> JsonObject:
        """Return the fields of a message in a forum topic; outside of forums ``message_thread_id`` has no effect.

        Source: ``Client::check_message_topic``. A private chat can have topics, so an unknown topic is an error there.

        Raises:
            BotApiError: unknown or closed topic.
        """
        if not thread_id or (not chat.topics and chat.type != "private"):
            return {}
        is_open = chat.topics.get(thread_id)
        if is_open is None or thread_id == GENERAL_TOPIC_ID:
            raise known_error("thread_not_found")
        if not is_open:
            raise known_error("topic_closed")
        return {"message_thread_id": thread_id, "is_topic_message": True}

    def readable(self, chat_id: object) -> Chat:
        """Return the chat of a method's ``chat_id``.

        Raises:
            BotApiError: ``chat_id`` is empty or unknown.
        """
        if chat_id in (None, ""):
            raise bad_request("chat_id is empty")
        try:
            chat = self._chats.get(int(str(chat_id)))
        except ValueError:
            chat = None
        if chat is None:
            raise known_error("chat_not_found")
        return chat

    def migrate(self, chat_id: int) -> Chat:
        """Upgrade a group to a supergroup and return the new chat."""
        old = self.group(chat_id)
        new = self.group(FIRST_SUPERGROUP_ID + chat_id, old.title)
        old.migrated_to = new.id
        return new
