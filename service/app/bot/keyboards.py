"""Keyboards that several handlers share."""

from collections.abc import Sequence

from aiogram.filters.callback_data import CallbackData
from aiogram.types import InlineKeyboardButton, InlineKeyboardMarkup, KeyboardButton, ReplyKeyboardMarkup
from aiogram.utils.i18n import gettext as _

from app.bot.keyboard_owner import with_owner

Button = tuple[str, CallbackData]


def inline(*rows: Sequence[Button]) -> InlineKeyboardMarkup:
    """Return an inline keyboard with these rows; empty rows are left out."""
    return InlineKeyboardMarkup(
        inline_keyboard=[
            [InlineKeyboardButton(text=text, callback_data=with_owner(data.pack())) for text, data in row]
            for row in rows
            if row
        ]
    )


def paging(page: int, pages: int, previous: CallbackData, following: CallbackData) -> list[Button]:
    """Return the row with the buttons for the previous and the next page."""
    row: list[Button] = []
    if page > 1:
        row.append((_("← Back"), previous))
    if page < pages:
        row.append((_("Next →"), following))
    return row


def share_contact() -> ReplyKeyboardMarkup:
    """Return a keyboard with one button that shares the user's phone number."""
    button = KeyboardButton(text=_("Share my phone number"), request_contact=True)
    return ReplyKeyboardMarkup(keyboard=[[button]], resize_keyboard=True, one_time_keyboard=True)
