"""Bot API methods whose effect a user sees; each call is recorded in the ledger."""

from typing import Any

from sandbox.jsontypes import JsonObject
from sandbox.telegram.arguments import Arguments, Upload, flag, number
from sandbox.telegram.chats import Chat, StoredMessage
from sandbox.telegram.errors import bad_request
from sandbox.telegram.files import StoredFile
from sandbox.telegram.known_errors import known_error
from sandbox.telegram.markup import CAPTION_LIMIT, checked_markup, checked_text
from sandbox.telegram.methods import Method
from sandbox.telegram.simulator import Simulator

_FILE_TYPES = {"photos": "Photo", "documents": "Document"}
_FILE_KINDS = {"sendPhoto": "photo", "sendDocument": "document"}


class Sending:
    """Implements the methods; :meth:`table` maps names to them."""

    def __init__(self, simulator: Simulator) -> None:
        self._telegram = simulator

    def table(self) -> dict[str, Method]:
        return {
            "sendMessage": self.send_message,
            "sendPhoto": self.send_photo,
            "sendDocument": self.send_document,
            "sendMediaGroup": self.send_media_group,
            "sendLocation": self.send_location,
            "sendChatAction": self.send_chat_action,
            "copyMessage": self.copy_message,
            "forwardMessage": self.forward_message,
            "editMessageText": self.edit_message_text,
            "editMessageCaption": self.edit_message_caption,
            "editMessageReplyMarkup": self.edit_message_reply_markup,
            "deleteMessage": self.delete_message,
            "answerCallbackQuery": self.answer_callback_query,
        }

    async def send_message(self, arguments: Arguments) -> JsonObject:
        text = checked_text(arguments.get("text"), arguments.get("parse_mode"))
        return self._post(arguments, {"text": text})

    async def send_photo(self, arguments: Arguments) -> JsonObject:
        """Send a photo by file id, upload or URL."""
        stored = self._file(arguments, "photo", "photos", "png")
        return self._post(arguments, {"photo": stored.photo_sizes(), **_caption(arguments)})

    async def send_document(self, arguments: Arguments) -> JsonObject:
        stored = self._file(arguments, "document", "documents", "bin")
        return self._post(arguments, {"document": stored.describe(), **_caption(arguments)})

    async def send_media_group(self, arguments: Arguments) -> list[JsonObject]:
        media = arguments.get("media")
        if not isinstance(media, list) or not 2 <= len(media) <= 10:
            raise bad_request("group send requires from 2 to 10 items")
        kinds = {item.get("type") for item in media}
        if "document" in kinds and len(kinds) > 1:  # td, MessageContent.cpp, check_message_group_message_contents
            raise bad_request("document can't be mixed with other media types")
        sent = []
        for item in media:
            source = str(item.get("media", ""))
            part = arguments | {"media": arguments.get(source.removeprefix("attach://"), source)}
            content: JsonObject
            if item.get("type") == "document":
                content = {"document": self._file(part, "media", "documents", "bin").describe()}
            else:
                content = {"photo": self._file(part, "media", "photos", "png").photo_sizes()}
            sent.append(self._post(arguments, content | _caption(item)))
        return sent

    async def send_location(self, arguments: Arguments) -> JsonObject:
        try:
            location = {name: float(arguments[name]) for name in ("latitude", "longitude")}
        except (KeyError, ValueError) as error:
            raise bad_request("wrong latitude or longitude") from error
        return self._post(arguments, {"location": location})

    async def send_chat_action(self, arguments: Arguments) -> bool:
        self._telegram.chats.writable(arguments.get("chat_id"))
        return True

    async def copy_message(self, arguments: Arguments) -> JsonObject:
        """Send the content of a message again, without a link to the original."""
        content = self._source(arguments)
        return {"message_id": self._post(arguments, content)["message_id"]}

    async def forward_message(self, arguments: Arguments) -> JsonObject:
        origin = {"type": "hidden_user", "date": self._telegram.chats.now(), "sender_user_name": "somebody"}
        return self._post(arguments, self._source(arguments) | {"forward_origin": origin})

    async def edit_message_text(self, arguments: Arguments) -> Any:
        text = checked_text(arguments.get("text"), arguments.get("parse_mode"))
        return self._edit(arguments, {"text": text})

    async def edit_message_caption(self, arguments: Arguments) -> Any:
        return self._edit(arguments, _caption(arguments))

    async def edit_message_reply_markup(self, arguments: Arguments) -> Any:
        return self._edit(arguments, {})

    async def delete_message(self, arguments: Arguments) -> bool:
        chat = self._telegram.chats.writable(arguments.get("chat_id"))
        if not chat.remove(number(arguments, "message_id", 0)):
            raise bad_request("message to delete not found")
        return True

    async def answer_callback_query(self, arguments: Arguments) -> bool:
        self._telegram.callbacks.answer(str(arguments.get("callback_query_id", "")), str(arguments.get("text") or ""))
        return True

    def _post(self, arguments: Arguments, content: JsonObject) -> JsonObject:
        """Validate and store a message of the bot."""
        chat = self._telegram.chats.writable(arguments.get("chat_id"))
        thread = self._telegram.chats.thread(chat, number(arguments, "message_thread_id", 0))
        reply = _reply(chat, arguments)
        markup = checked_markup(arguments.get("reply_markup"), private=chat.type == "private")
        self._telegram.limits.take(chat.id)
        head: JsonObject = {"date": self._telegram.chats.now(), "from": self._telegram.bot}
        keyboard = {"reply_markup": markup} if markup else {}
        return chat.add(head | thread | reply | content | keyboard, from_bot=True).without_reply_keyboard()

    def _edit(self, arguments: Arguments, change: JsonObject) -> JsonObject:
        chat, message = self._own_message(arguments)
        markup = checked_markup(arguments.get("reply_markup"), inline_only=True)
        if "text" in change and "text" not in message.content:
            raise bad_request("there is no text in the message to edit")  # td, MessagesManager::edit_message_text
        # The maintainer of the Bot API server states that edits share the limits on sending.
        self._telegram.limits.take(chat.id)
        before = {name: message.content.get(name) for name in (*change, "reply_markup")}
        if before == change | {"reply_markup": markup}:
            raise known_error("not_modified")
        message.content |= change | {"edit_date": self._telegram.chats.now()}
        if markup:
            message.content["reply_markup"] = markup
        else:
            message.content.pop("reply_markup", None)
        chat.edited(message)
        return message.without_reply_keyboard()

    def _own_message(self, arguments: Arguments) -> tuple[Chat, StoredMessage]:
        chat = self._telegram.chats.writable(arguments.get("chat_id"))
        message = chat.messages.get(number(arguments, "message_id", 0))
        if message is None:
            raise known_error("edit_not_found")
        if not message.from_bot:
            raise bad_request("message can't be edited")
        return chat, message

    def _source(self, arguments: Arguments) -> JsonObject:
        chat = self._telegram.chats.readable(arguments.get("from_chat_id"))
        message = chat.messages.get(number(arguments, "message_id", 0))
        if message is None:
            raise bad_request("message to copy not found")
        kept = ("text", "caption", "photo", "document", "location")
        return {name: message.content[name] for name in kept if name in message.content}

    def _file(self, arguments: Arguments, name: str, folder: str, extension: str) -> StoredFile:
        source = arguments.get(name)
        if isinstance(source, Upload):
            return self._telegram.files.add(folder, extension, source.content)
        if isinstance(source, str) and source.startswith("attach://"):
            return self._file(
                arguments | {name: arguments.get(source.removeprefix("attach://"))}, name, folder, extension
            )
        if isinstance(source, str) and source.startswith(("http://", "https://")):
            return self._telegram.files.add(folder, extension, None)
        stored = self._telegram.files.get(source)
        if stored.folder != folder:  # td, FileManager::from_persistent_id_v23
            raise bad_request(f"can't use file of type {_FILE_TYPES[stored.folder]} as {_FILE_TYPES[folder]}")
        return stored


def _reply(chat: Chat, arguments: Arguments) -> JsonObject:
    """Return the fields of a reply. Source: ``Client::check_reply_parameters``."""
    parameters = arguments.get("reply_parameters")
    parameters = parameters if isinstance(parameters, dict) else {}
    message_id = number(parameters, "message_id", number(arguments, "reply_to_message_id", 0))
    if not message_id:
        return {}
    message = chat.messages.get(message_id)
    if message is not None:
        return {"reply_to_message": message.without_reply_keyboard()}
    if flag(parameters, "allow_sending_without_reply") or flag(arguments, "allow_sending_without_reply"):
        return {}
    raise known_error("reply_not_found")


def visible_content(method: str, arguments: Arguments) -> str:
    """Return the content by which the ledger recognises duplicate sends."""
    kind = _FILE_KINDS.get(method)
    parts = [arguments.get("text"), arguments.get("caption"), arguments.get("reply_markup"), arguments.get("location")]
    if kind:
        parts.append(arguments.get(kind))
    return repr([part for part in parts if part])


def _caption(arguments: Arguments) -> JsonObject:
    caption = checked_text(arguments.get("caption"), arguments.get("parse_mode"), CAPTION_LIMIT, required=False)
    return {"caption": caption} if caption else {}
