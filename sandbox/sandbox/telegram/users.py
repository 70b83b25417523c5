"""User actions: each becomes an Update for the bot, in Telegram's format."""

import re

from sandbox.jsontypes import JsonObject
from sandbox.telegram.chats import Access, Chat
from sandbox.telegram.simulator import Simulator


class UnknownTargetError(LookupError):
    """The message that a user refers to does not exist."""


class Users:
    """Performs actions of any user. Each returns the update's id, or None if allowed_updates excludes it."""

    def __init__(self, simulator: Simulator) -> None:
        self._telegram = simulator

    def say(self, user_id: int, text: str, *, chat_id: int | None = None) -> int | None:
        """Send a text; a word with a leading slash is a command."""
        return self._message(user_id, {"text": text, **_entities(text)}, chat_id)

    def send_photos(self, user_id: int, count: int = 1, caption: str = "") -> list[int | None]:
        """Send photos; more than one form an album, which arrives as one update per photo."""
        album = {"media_group_id": str(self._telegram.chats.private(user_id).seq + 1)} if count > 1 else {}
        updates = []
        for number in range(count):
            captioned = {"caption": caption} if caption and number == 0 else {}
            photo = self._telegram.files.new_photo().photo_sizes()
            updates.append(self._message(user_id, {"photo": photo, **album, **captioned}, None))
        return updates

    def send_image_file(self, user_id: int, caption: str = "") -> int | None:
        """Send an image as a file."""
        stored = self._telegram.files.add("documents", "png", None)
        document = stored.describe() | {"mime_type": "image/png", "file_name": "photo.png"}
        return self._message(user_id, {"document": document, **({"caption": caption} if caption else {})}, None)

    def send_contact(self, user_id: int, phone: str, *, owner_id: int | None = None) -> int | None:
        """Share a contact: one's own unless ``owner_id`` is set."""
        name = self._telegram.chats.user(user_id).first_name
        contact = {"phone_number": phone, "first_name": name, "user_id": owner_id or user_id}
        return self._message(user_id, {"contact": contact}, None)

    def send_location(self, user_id: int, latitude: float, longitude: float) -> int | None:
        return self._message(user_id, {"location": {"latitude": latitude, "longitude": longitude}}, None)

    def edit(self, user_id: int, message_id: int, text: str) -> int | None:
        """Edit one's own message.

        Raises:
            UnknownTargetError: no such message.
        """
        chat = self._telegram.chats.private(user_id)
        message = chat.messages.get(message_id)
        if message is None or message.from_bot:
            raise UnknownTargetError(f"user {user_id} has no message {message_id}")
        message.content |= {"text": text, "edit_date": self._telegram.chats.now()}
        chat.edited(message)
        return self._telegram.queue_update("edited_message", dict(message.content), chat_id=chat.id, user_id=user_id)

    def press(self, user_id: int, message_id: int, data: str, *, chat_id: int | None = None) -> int | None:
        """Press an inline button of a message of the bot.

        ``data`` may be anything, because a modified client can send anything; the message must exist.

        Raises:
            UnknownTargetError: no such message of the bot.
        """
        chat = self._chat(user_id, chat_id)
        message = chat.messages.get(message_id)
        if message is None or not message.from_bot:
            raise UnknownTargetError(f"the bot wrote no message {message_id} in chat {chat.id}")
        query = self._telegram.callbacks.new(user_id, chat.id, data)
        payload: JsonObject = {
            "id": query.id,
            "from": self._telegram.chats.user(user_id).as_json(),
            "message": message.without_reply_keyboard(),
            "chat_instance": str(chat.id),
            "data": data,
        }
        return self._telegram.queue_update("callback_query", payload, chat_id=chat.id, user_id=user_id)

    def set_blocked(self, user_id: int, *, blocked: bool) -> int | None:
        """Block or unblock the bot."""
        chat = self._telegram.chats.private(user_id)
        chat.blocked = blocked
        states = {True: "kicked", False: "member"}
        bot = self._telegram.bot
        payload: JsonObject = {
            "chat": chat.as_json(),
            "from": self._telegram.chats.user(user_id).as_json(),
            "date": self._telegram.chats.now(),
            "old_chat_member": _member(bot, states[not blocked]),
            "new_chat_member": _member(bot, states[blocked]),
        }
        return self._telegram.queue_update("my_chat_member", payload, chat_id=chat.id, user_id=user_id)

    def raw(self, update: JsonObject) -> int | None:
        """Queue a raw Update; its ``update_id`` is replaced by the next one.

        Raises:
            ValueError: it contains only an ``update_id``.
        """
        kind = next((name for name in update if name != "update_id"), None)
        if kind is None:
            raise ValueError("an update needs a part such as message")
        payload = update[kind]
        chat_id, user_id = _ids(payload)
        if user_id is not None:
            self._telegram.chats.user(user_id)
        if chat_id is not None and chat_id < 0:
            self._telegram.chats.group(chat_id)
        return self._telegram.queue_update(kind, payload, chat_id=chat_id, user_id=user_id)

    def _message(self, user_id: int, content: JsonObject, chat_id: int | None) -> int | None:
        chat = self._chat(user_id, chat_id)
        if chat.access is Access.NEVER_STARTED:
            chat.access = Access.ALLOWED  # a message from the user starts the conversation
        user = self._telegram.chats.user(user_id)
        head: JsonObject = {"date": self._telegram.chats.now(), "from": user.as_json()}
        stored = chat.add(head | content, from_bot=False)
        return self._telegram.queue_update("message", dict(stored.content), chat_id=chat.id, user_id=user_id)

    def _chat(self, user_id: int, chat_id: int | None) -> Chat:
        chats = self._telegram.chats
        if chat_id is None or chat_id == user_id:
            return chats.private(user_id)
        return chats.group(chat_id)


# td, MessageEntity.cpp, match_bot_commands.
_COMMAND = re.compile(r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32}|(?!@))(?![\w/<>])")


def _entities(text: str) -> JsonObject:
    """Return the bot commands in a text; their offsets and lengths are in UTF-16 units, as those of all entities."""
    found = [
        {"type": "bot_command", "offset": _utf16_units(text[: match.start()]), "length": _utf16_units(match.group())}
        for match in (_COMMAND.finditer(text) if "/" in text else ())
    ]
    return {"entities": found} if found else {}


def _utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _member(bot: JsonObject, status: str) -> JsonObject:
    banned = {"until_date": 0} if status == "kicked" else {}
    return {"user": bot, "status": status, **banned}


def _ids(payload: object) -> tuple[int | None, int | None]:
    """Return the chat's and the user's id of an update's payload, as far as they are there."""
    if not isinstance(payload, dict):
        return None, None
    message = payload.get("message") if isinstance(payload.get("message"), dict) else payload
    return _id_of(message, "chat"), _id_of(payload, "from")


def _id_of(payload: object, name: str) -> int | None:
    part = payload.get(name) if isinstance(payload, dict) else None
    found = part.get("id") if isinstance(part, dict) else None
    return found if isinstance(found, int) else None
