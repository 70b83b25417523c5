"""The dialogue that writes a broadcast; `app.bot.broadcast` sends it."""

from aiogram import F, Router
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message
from aiogram.utils.i18n import gettext as _

from app.backends.models import Identity, Role, TelegramId
from app.bot.broadcast import Broadcaster
from app.bot.broadcast_store import Broadcast
from app.bot.callbacks import AdminMenu, BroadcastAct, BroadcastAudience
from app.bot.entered import PLAIN_TEXT, entered
from app.bot.keyboards import Button, inline
from app.bot.reply import answer_button, show
from app.bot.roles import ADMINS
from app.bot.states import BroadcastDialog, recall
from app.bot.texts import role_name
from app.core import metrics
from app.delivery.context import UpdateContext

router = Router(name="Broadcast")

MAX_BROADCAST = 3500


@router.callback_query(AdminMenu.filter(F.entry == "broadcast"), flags={"roles": ADMINS, "fresh": True})
async def ask_for_audience(query: CallbackQuery) -> None:
    """Ask whom to write to."""
    rows: list[list[Button]] = [[(role_name(role), BroadcastAudience(role=role))] for role in Role]
    await show(query, _("Whom do you want to write to?"), inline([(_("Everyone"), BroadcastAudience())], *rows))


@router.callback_query(BroadcastAudience.filter(), flags={"roles": ADMINS, "fresh": True})
async def ask_for_text(query: CallbackQuery, callback_data: BroadcastAudience, state: FSMContext) -> None:
    """Ask for the text."""
    await state.set_data({"role": callback_data.role})
    await state.set_state(BroadcastDialog.text)
    await show(query, _("Write the message, or /cancel."))


@router.message(BroadcastDialog.text, PLAIN_TEXT, flags={"roles": ADMINS, "fresh": True})
async def ask_to_confirm(message: Message, state: FSMContext) -> None:
    """Show the message as it will arrive."""
    text = entered(message)
    if len(text) > MAX_BROADCAST:
        await message.answer(_("A broadcast has at most {most} characters.").format(most=MAX_BROADCAST))
        return
    data = await state.update_data(text=text)
    await state.set_state(BroadcastDialog.confirm)
    role = recall(data, "role")
    audience = _("Everyone") if role is None else role_name(Role(role))
    await message.answer(
        _("This goes to: {audience}").format(audience=audience) + f"\n\n{text}",
        reply_markup=inline(
            [(_("Send it"), BroadcastAct(verb="start")), (_("Cancel"), BroadcastAct(verb="cancel"))],
        ),
    )


@router.callback_query(
    BroadcastDialog.confirm,
    BroadcastAct.filter(F.verb == "start"),
    flags={"roles": ADMINS, "fresh": True, "action": "broadcast"},
)
async def start(
    query: CallbackQuery,
    state: FSMContext,
    identity: Identity,
    broadcaster: Broadcaster,
    update_context: UpdateContext,
    language: str,
) -> None:
    """Hand it to the sender. The update's id names it, so that a redelivered update starts no second one."""
    data = await state.get_data()
    if query.message is None:
        await answer_button(query, _("This button is no longer valid. /help shows what I can do."))
        return
    role = recall(data, "role")
    await broadcaster.store.add(
        Broadcast(
            id=str(update_context.update_id),
            text=recall(data, "text"),
            role=None if role is None else Role(role),
            author=identity.user_id,
            chat_id=TelegramId(query.message.chat.id),
            progress_message_id=query.message.message_id,
            language=language,
        )
    )
    await state.clear()
    metrics.ADMIN_ACTIONS_TOTAL.labels(action="broadcast").inc()
    await show(query, _("The broadcast has begun."))


@router.callback_query(BroadcastAct.filter(F.verb == "cancel"), flags={"roles": ADMINS})
async def cancel(query: CallbackQuery, state: FSMContext) -> None:
    """Drop what was written."""
    await state.clear()
    await show(query, _("Cancelled."))
