"""The administration menu for managers and admins: search, users, statistics."""

from aiogram import F, Router
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message
from aiogram.utils.i18n import gettext as _

from app.backends.models import Identity, Role, User, UserId
from app.bot.callbacks import AdminMenu, RequestOpen, UserBlock, UserOpen
from app.bot.keyboards import Button, inline
from app.bot.reply import show
from app.bot.roles import ADMINS, MANAGEMENT
from app.bot.services import Services
from app.bot.states import SearchDialog, dialogue_value
from app.bot.statistics import statistics_lines
from app.bot.texts import request_line, role_name
from app.bot.user_input import PLAIN_TEXT, plain_text
from app.core import metrics

router = Router(name="Admin")

MAX_QUERY = 100


@router.message(Command("admin", ignore_case=True), flags={"roles": MANAGEMENT, "action": "admin_menu"})
async def menu(message: Message, identity: Identity) -> None:
    """Show the administration menu."""
    await message.answer(_("Administration"), reply_markup=_menu(identity))


@router.callback_query(AdminMenu.filter(F.entry.in_({"requests", "users"})), flags={"roles": MANAGEMENT})
async def ask_for_query(query: CallbackQuery, callback_data: AdminMenu, state: FSMContext) -> None:
    """Ask for the search text."""
    await state.set_data({"search": callback_data.entry})
    await state.set_state(SearchDialog.query)
    await show(query, _("What are you looking for? Send a part of it, or /cancel."))


@router.message(SearchDialog.query, PLAIN_TEXT, flags={"roles": MANAGEMENT, "fresh": True, "action": "search"})
async def search(message: Message, state: FSMContext, identity: Identity, services: Services) -> None:
    """Show the requests or users that match the text."""
    text = plain_text(message)[:MAX_QUERY]
    kind = dialogue_value(await state.get_data(), "search")
    if kind == "requests":
        found, total = await _find_requests(services, identity, text)
        metrics.REQUESTS_VIEWED_TOTAL.labels(view="search").inc()
    else:
        found, total = await _find_users(services, identity, text)
    await state.clear()
    metrics.ADMIN_SEARCHES_TOTAL.labels(search_type=kind).inc()
    if not found:
        await message.answer(_("Nothing found. /admin starts a new search."))
        return
    await message.answer(_("Found: {total}").format(total=total), reply_markup=inline(*([button] for button in found)))


@router.callback_query(
    AdminMenu.filter(F.entry == "statistics"), flags={"roles": MANAGEMENT, "fresh": True, "action": "statistics"}
)
async def statistics(query: CallbackQuery, identity: Identity, services: Services) -> None:
    """Show the counts of the three backends that have any."""
    sections = (
        (_("Requests"), await services.requests.statistics(identity.user_id)),
        (_("Users"), await services.users.statistics(identity.user_id)),
        (_("Shifts"), await services.shifts.statistics(identity.user_id)),
    )
    metrics.ADMIN_ACTIONS_TOTAL.labels(action="statistics").inc()
    text = "\n\n".join("\n".join((title, *statistics_lines(counts))) for title, counts in sections)
    await show(query, text, _menu(identity))


@router.callback_query(UserOpen.filter(), flags={"roles": MANAGEMENT, "fresh": True, "action": "open_user"})
async def open_user(query: CallbackQuery, callback_data: UserOpen, identity: Identity, services: Services) -> None:
    """Show the account of one user."""
    found = await services.users.get(identity.user_id, UserId(callback_data.id))
    metrics.ADMIN_ACTIONS_TOTAL.labels(action="open_user").inc()
    await show(query, _user_text(found), _user_keyboard(found, identity))


@router.callback_query(UserBlock.filter(), flags={"roles": ADMINS, "fresh": True, "action": "block_user"})
async def block_user(query: CallbackQuery, callback_data: UserBlock, identity: Identity, services: Services) -> None:
    """Block or unblock a user."""
    changed = await services.users.set_blocked(
        identity.user_id, UserId(callback_data.id), blocked=callback_data.blocked
    )
    metrics.ADMIN_ACTIONS_TOTAL.labels(action="block" if changed.blocked else "unblock").inc()
    await show(query, _user_text(changed), _user_keyboard(changed, identity))


async def _find_requests(services: Services, identity: Identity, text: str) -> tuple[list[Button], int]:
    page = await services.requests.search(identity.user_id, text, page=1)
    return [(request_line(found), RequestOpen(id=found.id, page=1)) for found in page.items], page.total


async def _find_users(services: Services, identity: Identity, text: str) -> tuple[list[Button], int]:
    page = await services.users.search(identity.user_id, text, page=1)
    return [(f"{found.name} · {role_name(found.role)}", UserOpen(id=found.id)) for found in page.items], page.total


def _menu(identity: Identity) -> InlineKeyboardMarkup:
    broadcast: list[Button] = [(_("Broadcast"), AdminMenu(entry="broadcast"))] if identity.role is Role.ADMIN else []
    return inline(
        [(_("Find requests"), AdminMenu(entry="requests")), (_("Find users"), AdminMenu(entry="users"))],
        [(_("Statistics"), AdminMenu(entry="statistics"))],
        broadcast,
    )


def _user_text(found: User) -> str:
    return "\n".join(
        (
            found.name,
            role_name(found.role),
            _("Phone: {phone}").format(phone=found.phone or "—"),
            _("Blocked") if found.blocked else _("Not blocked"),
        )
    )


def _user_keyboard(found: User, identity: Identity) -> InlineKeyboardMarkup | None:
    if identity.role is not Role.ADMIN:
        return None
    label = _("Unblock") if found.blocked else _("Block")
    return inline([(label, UserBlock(id=found.id, blocked=not found.blocked))])
