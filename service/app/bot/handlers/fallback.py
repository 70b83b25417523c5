"""Updates that no other router handles: unknown commands, old buttons, input that a dialogue did not ask for."""

from aiogram import F, Router
from aiogram.types import CallbackQuery, Message
from aiogram.utils.i18n import gettext as _

from app.bot.reply import answer_callback
from app.bot.states import BroadcastDialog, NewRequestDialog

router = Router(name="Fallback")


@router.callback_query()
async def stale_button(query: CallbackQuery) -> None:
    """Reply to a button of an old message or with forged data."""
    await answer_callback(query, _("This button is no longer valid. /help shows what I can do."))


@router.message(F.text.startswith("/"))
async def unknown_command(message: Message) -> None:
    """Reply to a command that does not exist or does not fit here."""
    await message.answer(_("I do not know this command. /help shows what I can do."))


@router.message(NewRequestDialog.category)
@router.message(NewRequestDialog.confirm)
@router.message(BroadcastDialog.confirm)
async def use_the_buttons(message: Message) -> None:
    """Reply to a text where a button is expected."""
    await message.answer(_("Please use the buttons above, or /cancel."))


@router.message(NewRequestDialog.photos)
async def not_a_photo(message: Message) -> None:
    """Reply to anything but a photo where photos are expected."""
    await message.answer(_("Please send photos, or press the button to continue."))


@router.message()
async def not_understood(message: Message) -> None:
    """Reply to everything else."""
    await message.answer(_("I did not understand that. /help shows what I can do."))
