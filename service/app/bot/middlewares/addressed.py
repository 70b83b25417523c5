"""Which updates concern the bot: no service messages, and in groups only what is addressed to it.

Addressed are its commands, mentions of it, replies to its messages, and presses of buttons by the person they were made
for. Everything else is dropped before it costs a backend call.
"""

import re
from typing import Any

from aiogram import Bot
from aiogram.enums import ChatType, MessageEntityType
from aiogram.exceptions import TelegramAPIError
from aiogram.types import CallbackQuery, Message, TelegramObject, Update
from aiogram.utils.i18n import gettext as _

from app.bot.keyboard_owner import current_owner, split_owner
from app.bot.message_content import is_service_message
from app.bot.middlewares.timed import Handler, TimedMiddleware
from app.bot.reply import answer_callback
from app.bot.texts import shown_name
from app.telegram.refusals import RefusingChats

_GROUPS = frozenset({ChatType.GROUP, ChatType.SUPERGROUP})
_TELEGRAM_ID = 777000
"""The account that posts a linked channel's messages into its discussion group."""


class AddressedMiddleware(TimedMiddleware):
    """`refusing`: groups in which a reply would be refused are not handled."""

    name = "addressed"

    def __init__(self, refusing: RefusingChats) -> None:
        super().__init__()
        self._refusing = refusing

    async def run(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        if not isinstance(event, Update):
            return await handler(event, data)
        message = event.message or event.edited_message
        if message is not None:
            return await self._run_message(handler, event, message, data)
        if event.callback_query is not None:
            return await self._run_callback(handler, event, event.callback_query, data)
        return await handler(event, data)

    async def _run_message(self, handler: Handler, event: Update, message: Message, data: dict[str, Any]) -> Any:
        if is_service_message(message):
            return None
        if message.chat.type not in _GROUPS:
            return await handler(event, data)
        if not await _is_addressed(message, data["bot"]):
            return None
        thread_id = message.message_thread_id if message.is_topic_message else None
        if self._refusing.refuses(message.chat.id, thread_id):
            return None
        return await _run_owned(handler, event, message.from_user.id if message.from_user else None, data)

    async def _run_callback(self, handler: Handler, event: Update, query: CallbackQuery, data: dict[str, Any]) -> Any:
        if query.message is None or query.message.chat.type not in _GROUPS:
            return await handler(event, data)
        plain, owner = split_owner(query.data or "")
        if owner is not None and owner != query.from_user.id:
            await answer_callback(query, await _belongs_to(owner, query.message.chat.id, data["bot"]))
            return None
        if owner is not None:
            own = query.model_copy(update={"data": plain})
            event = event.model_copy(update={"callback_query": own})
        return await _run_owned(handler, event, query.from_user.id, data)


async def _run_owned(handler: Handler, event: Update, user_id: int | None, data: dict[str, Any]) -> Any:
    """Run the handler of an update in a group: its keyboards are for this user only."""
    token = current_owner.set(user_id)
    try:
        return await handler(event, data)
    finally:
        current_owner.reset(token)


async def _belongs_to(owner: int, chat_id: int, bot: Bot) -> str:
    """The toast for somebody else's button. Telegram knows the owner's present name; nothing is stored for it."""
    try:
        # Telegram guarantees it for administrators only; a member who has left or a forged id fails too.
        name = shown_name((await bot.get_chat_member(chat_id, owner)).user)
    except TelegramAPIError:
        name = ""
    if not name:
        return _("These buttons belong to another person. Send /help to get your own.")
    return _("These buttons belong to {name}. Send /help to get your own.").format(name=name)


async def _is_addressed(message: Message, bot: Bot) -> bool:
    if message.is_automatic_forward or (message.from_user is not None and message.from_user.id == _TELEGRAM_ID):
        return False
    if _is_reply_to(message, bot):
        return True
    text = (message.text or message.caption or "").lower()
    words = text.split(maxsplit=1)
    command, at, mention = words[0].partition("@") if words else ("", "", "")
    if command.startswith("/"):
        # A command without a mention is for every bot of the group.
        return not at or mention == await _username(bot)
    if any(
        entity.type == MessageEntityType.TEXT_MENTION and entity.user is not None and entity.user.id == bot.id
        for entity in message.entities or message.caption_entities or ()
    ):
        return True
    return "@" in text and re.search(rf"(?<!\w)@{re.escape(await _username(bot))}(?!\w)", text) is not None


def _is_reply_to(message: Message, bot: Bot) -> bool:
    replied = message.reply_to_message
    if replied is None or replied.from_user is None or replied.from_user.id != bot.id:
        return False
    # Every message in a forum topic that the bot created is a reply to the service message of its creation.
    return not is_service_message(replied)


async def _username(bot: Bot) -> str:
    return ((await bot.me()).username or "").lower()
