"""Asks a user without an account for their phone number."""

from aiogram.enums import ChatType
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, Message
from aiogram.utils.i18n import gettext as _

from app.bot.keyboards import share_contact


async def ask_for_contact(message: Message, text: str) -> None:
    """Send `text` with the button that shares the contact; in a group, ask the user to write privately.

    Telegram allows contact buttons in private chats only, and a phone number is nothing for a group.
    """
    if message.chat.type == ChatType.PRIVATE or message.bot is None:
        await message.answer(text, reply_markup=share_contact())
        return
    link = f"https://t.me/{(await message.bot.me()).username}?start=link"
    button = InlineKeyboardButton(text=_("Write to me"), url=link)
    await message.answer(
        _("I do not know you yet. Please write to me in a private chat, so that I can find your account."),
        reply_markup=InlineKeyboardMarkup(inline_keyboard=[[button]]),
    )
