"""The dialogue that creates a broadcast; `app.bot.broadcast` sends it."""

from aiogram import F, Router
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message
from aiogram.utils.i18n import gettext as _

from app.backends.models import Identity, Role, TelegramId
from app.bot.broadcast import Broadcaster
from app.bot.broadcast_store import Broadcast
from app.bot.callbacks import AdminMenu, BroadcastAct, BroadcastAudience
from app.bot.keyboards import Button, inline
from app.bot.photos import is_replied_album
from app.bot.reply import answer_callback, show
from app.bot.roles import ADMINS
from app.bot.states import BroadcastDialog, dialogue_value
from app.bot.texts import role_name
from app.bot.user_input import PLAIN_TEXT, plain_text
from app.core import metrics
from app.delivery.context import require_update

router = Router(name="Broadcast")

# Telegram's limit of 4096, less room for the preview that shows the recipients above the text.
MAX_BROADCAST = 3500


@router.callback_query(AdminMenu.filter(F.entry == "broadcast"), flags={"roles": ADMINS, "fresh": True})
async def ask_for_audience(query: CallbackQuery) -> None:
    """Ask for the recipients."""
    rows: list[list[Button]] = [[(role_name(role), BroadcastAudience(role=role))] for role in Role]
    await show(query, _("Who should receive the broadcast?"), inline([(_("Everyone"), BroadcastAudience())], *rows))


@router.callback_query(BroadcastAudience.filter(), flags={"roles": ADMINS, "fresh": True})
async def ask_for_text(query: CallbackQuery, callback_data: BroadcastAudience, state: FSMContext) -> None:
    await state.set_data({"role": callback_data.role})
    await state.set_state(BroadcastDialog.text)
    await show(query, _("Send the text of the broadcast, or /cancel."))


@router.message(BroadcastDialog.text, PLAIN_TEXT, flags={"roles": ADMINS, "fresh": True})
async def ask_to_confirm(message: Message, state: FSMContext) -> None:
    """Show the message as the recipients will see it."""
    text = plain_text(message)
    has_attachment = message.text is None
    if len(text) > MAX_BROADCAST:
        await message.answer(
            _("A broadcast can have at most {most} characters. Please send a shorter text.").format(most=MAX_BROADCAST)
        )
        return
    data = await state.update_data(text=text, album=message.media_group_id)
    await state.set_state(BroadcastDialog.confirm)
    role = dialogue_value(data, "role")
    audience = _("Everyone") if role is None else role_name(Role(role))
    header = _("Recipients: {audience}").format(audience=audience)
    if has_attachment:
        header += "\n" + _("Only the text is sent. What you attached to it is left out.")
    await message.answer(
        f"{header}\n\n{text}",
        reply_markup=inline(
            [(_("Send"), BroadcastAct(verb="start")), (_("Cancel"), BroadcastAct(verb="cancel"))],
        ),
    )


@router.message(BroadcastDialog.text, ~F.text, flags={"roles": ADMINS})
async def ask_for_text_again(message: Message, state: FSMContext) -> None:
    """Say that a photo, a file or a sticker without a text cannot be sent. Albums get one reply."""
    data = await state.get_data()
    if is_replied_album(message, data):
        return
    await state.update_data(album=message.media_group_id)
    await message.answer(_("A broadcast can only contain text. Please send the text, or /cancel."))


@router.message(BroadcastDialog.confirm, ~F.text, flags={"roles": ADMINS})
async def use_the_buttons(message: Message, state: FSMContext) -> None:
    """Reply to an attachment where a button is expected; not to the rest of an album whose text was taken."""
    if not is_replied_album(message, await state.get_data()):
        await message.answer(_("Please use the buttons above, or /cancel."))


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
    language: str,
) -> None:
    """Queue the broadcast. The update id is its id, so that a redelivered update does not start a second one."""
    data = await state.get_data()
    if query.message is None:
        await answer_callback(query, _("This button is no longer valid. /help shows what I can do."))
        return
    role = dialogue_value(data, "role")
    await broadcaster.store.add(
        Broadcast(
            id=str(require_update().update_id),
            text=dialogue_value(data, "text"),
            role=None if role is None else Role(role),
            author=identity.user_id,
            chat_id=TelegramId(query.message.chat.id),
            progress_message_id=query.message.message_id,
            language=language,
        )
    )
    await state.clear()
    metrics.ADMIN_ACTIONS_TOTAL.labels(action="broadcast").inc()
    await show(query, _("The broadcast has started."))


@router.callback_query(BroadcastAct.filter(F.verb == "cancel"), flags={"roles": ADMINS})
async def cancel(query: CallbackQuery, state: FSMContext) -> None:
    """Discard the broadcast."""
    await state.clear()
    await show(query, _("Cancelled."))
