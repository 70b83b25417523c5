"""What no other router took: unknown commands, buttons that lost their meaning, things a dialogue did not ask for."""

from aiogram import F, Router
from aiogram.types import CallbackQuery, Message
from aiogram.utils.i18n import gettext as _

from app.bot.reply import answer_button
from app.bot.states import NewRequestDialog

router = Router(name="Fallback")


@router.callback_query()
async def stale_button(query: CallbackQuery) -> None:
    """A button of an old message, or forged data."""
    await answer_button(query, _("This button is no longer valid. /help shows what I can do."))


@router.message(F.text.startswith("/"))
async def unknown_command(message: Message) -> None:
    """A command that does not exist, or is out of place."""
    await message.answer(_("I do not know this command. /help shows what I can do."))


@router.message(NewRequestDialog.category)
@router.message(NewRequestDialog.confirm)
async def use_the_buttons(message: Message) -> None:
    """A text where a button is asked for."""
    await message.answer(_("Please use the buttons above, or /cancel."))


@router.message(NewRequestDialog.photos)
async def not_a_photo(message: Message) -> None:
    """Something else than a photo where photos are asked for."""
    await message.answer(_("Please send photos, or press the button to go on."))


@router.message()
async def not_understood(message: Message) -> None:
    """Anything else in words or not."""
    await message.answer(_("I did not understand this. /help shows what I can do."))
