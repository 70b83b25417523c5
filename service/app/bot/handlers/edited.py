"""Edited messages: in the new-request dialogue an edit corrects the address or description, elsewhere it is ignored."""

from aiogram import F, Router
from aiogram.filters import StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import Message
from aiogram.utils.i18n import gettext as _

from app.bot.handlers.new_request import address_problem, description_problem
from app.bot.states import NewRequestDialog
from app.bot.user_input import plain_text

router = Router(name="Edited Message")


@router.edited_message(
    StateFilter(NewRequestDialog.description, NewRequestDialog.photos, NewRequestDialog.confirm), F.text
)
async def correct(message: Message, state: FSMContext) -> None:
    """Replace the address or description with the edited text."""
    text = plain_text(message)
    data = await state.get_data()
    if message.message_id == data.get("address_message"):
        field, problem = "address", address_problem(text)
    elif message.message_id == data.get("description_message"):
        field, problem = "description", description_problem(text)
    else:
        return
    if problem is not None:
        await message.answer(problem)
        return
    await state.update_data({field: text})
    await message.answer(_("Corrected."))


@router.edited_message(flags={"guest": True})
async def ignore(_message: Message) -> None:
    """Match all other edits, so that they do not reach `fallback`."""
