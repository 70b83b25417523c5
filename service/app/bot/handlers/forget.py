"""/forget: delete what the bot keeps about a user, and unlink their Telegram from their account."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message
from aiogram.utils.i18n import gettext as _

from app.backends.models import Identity
from app.bot.callbacks import Forget
from app.bot.keyboards import inline
from app.bot.profiles import ProfileCache
from app.bot.reply import show
from app.bot.services import Services
from app.delivery.context import UpdateContext

router = Router(name="Forget")


@router.message(Command("forget"))
async def ask(message: Message) -> None:
    """Say what will be gone, and ask."""
    await message.answer(
        _(
            "I keep your language, your role, the dialogue you are in and how often you write, each for a day at most. "
            "Shall I delete all of it and unlink your Telegram from your account?"
        ),
        reply_markup=inline([(_("Delete it"), Forget(sure=True)), (_("Keep it"), Forget(sure=False))]),
    )


@router.callback_query(Forget.filter(), flags={"action": "forget"})
async def answer(
    query: CallbackQuery,
    callback_data: Forget,
    identity: Identity,
    services: Services,
    profiles: ProfileCache,
    state: FSMContext,
    update_context: UpdateContext,
) -> None:
    """Delete, or don't."""
    if not callback_data.sure:
        await show(query, _("Nothing was deleted."))
        return
    await services.users.unlink(identity.user_id)
    await profiles.forget(identity.user_id)
    await state.clear()
    update_context.forget = True
    await show(query, _("It is deleted. /start begins anew."))
