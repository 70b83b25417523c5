"""/forget: delete the data that the bot stores about a user, and unlink Telegram from their account."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message
from aiogram.utils.i18n import gettext as _

from app.backends.models import Identity
from app.bot.callbacks import Forget
from app.bot.keyboards import inline
from app.bot.outbox import Outbox
from app.bot.profiles import ProfileCache
from app.bot.reply import show
from app.bot.services import Services
from app.delivery.context import require_update
from app.delivery.dead_letters import DeadLetters

router = Router(name="Forget")


@router.message(Command("forget", ignore_case=True))
async def ask(message: Message) -> None:
    """Say what will be deleted, and ask for confirmation."""
    await message.answer(
        _(
            "I store your language, your role, your current conversation and how often you write, each for one day at "
            "most, the messages that I could not process, and messages to you that are not sent yet. Delete all of it "
            "and unlink your Telegram from your account?"
        ),
        reply_markup=inline([(_("Delete"), Forget(sure=True)), (_("Keep"), Forget(sure=False))]),
    )


@router.callback_query(Forget.filter(), flags={"action": "forget"})
async def confirm(
    query: CallbackQuery,
    callback_data: Forget,
    identity: Identity,
    services: Services,
    profiles: ProfileCache,
    state: FSMContext,
    dead_letters: DeadLetters,
    outbox: Outbox,
) -> None:
    """Delete the data if the user confirms.

    The account is unlinked first: if that fails, nothing is deleted and the button works again.
    """
    if not callback_data.sure:
        await show(query, _("Nothing was deleted."))
        return
    await services.users.unlink(identity.user_id)
    await profiles.forget(identity.user_id)
    await dead_letters.forget(query.from_user.id)
    await outbox.forget(query.from_user.id)
    await state.clear()
    require_update().forget = True
    await show(query, _("Your data is deleted. To start again, send /start."))
