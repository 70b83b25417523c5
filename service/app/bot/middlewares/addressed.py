"""In groups the bot handles only its commands, replies to its messages and mentions of it."""

from typing import Any

from aiogram import Bot
from aiogram.enums import ChatType
from aiogram.types import Message, TelegramObject, Update

from app.bot.middlewares.timed import Handler, TimedMiddleware

_GROUPS = frozenset({ChatType.GROUP, ChatType.SUPERGROUP})


class AddressedMiddleware(TimedMiddleware):
    """Drops other group messages before they cost a backend call."""

    name = "addressed"

    async def run(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        message = (event.message or event.edited_message) if isinstance(event, Update) else None
        if message is None or message.chat.type not in _GROUPS or await _is_addressed(message, data["bot"]):
            return await handler(event, data)
        return None


async def _is_addressed(message: Message, bot: Bot) -> bool:
    replied = message.reply_to_message
    if replied is not None and replied.from_user is not None and replied.from_user.id == bot.id:
        return True
    text = (message.text or message.caption or "").lower()
    command, at, mention = text.partition(" ")[0].partition("@")
    if command.startswith("/") and not at:
        return True
    if "@" not in text:
        return False
    username = f"@{(await bot.me()).username}".lower()
    return f"@{mention}" == username if command.startswith("/") else username in text.split()
