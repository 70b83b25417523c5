"""Shifts for executors: list open and own shifts, take, release, availability."""

from typing import Literal

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message
from aiogram.utils.i18n import gettext as _

from app.backends.errors import BackendRefusedError
from app.backends.models import Identity, Shift, ShiftId, ShiftPage, Specialization
from app.bot.callbacks import Availability, ShiftAct, ShiftList
from app.bot.keyboards import Button, inline, paging
from app.bot.reply import send_reply, show
from app.bot.roles import STAFF
from app.bot.services import Services
from app.bot.texts import specialization_name
from app.core import metrics

router = Router(name="Shift")


@router.message(Command("shifts", ignore_case=True), flags={"roles": STAFF, "action": "list_shifts"})
async def list_open(message: Message, identity: Identity, services: Services) -> None:
    """Show open shifts: those of the executor's specialization if they have exactly one, otherwise all."""
    own = identity.specializations[0] if len(identity.specializations) == 1 else None
    await _show_list(message, identity, services, ShiftList(which="open", specialization=own))


@router.message(Command("myshifts", ignore_case=True), flags={"roles": STAFF, "action": "list_own_shifts"})
async def list_own(message: Message, identity: Identity, services: Services) -> None:
    """Show the shifts that the executor has taken."""
    await _show_list(message, identity, services, ShiftList(which="mine"))


@router.callback_query(ShiftList.filter(), flags={"roles": STAFF, "action": "list_shifts"})
async def turn_page(query: CallbackQuery, callback_data: ShiftList, identity: Identity, services: Services) -> None:
    """Show another page or specialization in the same message."""
    await _show_list(query, identity, services, callback_data)


@router.callback_query(ShiftAct.filter(), flags={"roles": STAFF, "action": "act_on_shift"})
async def act(query: CallbackQuery, callback_data: ShiftAct, identity: Identity, services: Services) -> None:
    """Take or release a shift. A 409 is an ordinary result here: someone else was faster."""
    shift_id = ShiftId(callback_data.id)
    try:
        if callback_data.verb == "take":
            shift = await services.shifts.take(identity.user_id, shift_id)
        else:
            shift = await services.shifts.release(identity.user_id, shift_id)
    except BackendRefusedError as refused:
        if refused.status != 409:
            raise
        await send_reply(query, _conflict_text(callback_data.verb))
        return
    if callback_data.verb == "take":
        metrics.SHIFTS_TAKEN_TOTAL.labels(specialization=shift.specialization).inc()
        await show(query, _("You have taken the shift: {shift}").format(shift=_line(shift)), _back(shift, "release"))
    else:
        metrics.SHIFTS_RELEASED_TOTAL.labels(specialization=shift.specialization).inc()
        await show(query, _("You have released the shift: {shift}").format(shift=_line(shift)), _back(shift, "take"))


@router.message(Command("availability", ignore_case=True), flags={"roles": STAFF})
async def ask_availability(message: Message) -> None:
    """Ask whether the executor is available."""
    keyboard = inline([(_("Yes"), Availability(available=True)), (_("No"), Availability(available=False))])
    await message.answer(_("Are you available for shifts?"), reply_markup=keyboard)


@router.callback_query(Availability.filter(), flags={"roles": STAFF, "action": "set_availability"})
async def set_availability(
    query: CallbackQuery, callback_data: Availability, identity: Identity, services: Services
) -> None:
    """Send the availability to the Shift Service."""
    await services.shifts.set_availability(identity.user_id, available=callback_data.available)
    metrics.AVAILABILITY_UPDATES_TOTAL.labels(available=str(callback_data.available).lower()).inc()
    await show(
        query,
        _("You are available for shifts. /shifts shows the open ones.")
        if callback_data.available
        else _("You are not available for shifts. /availability changes this."),
    )


async def _show_list(event: Message | CallbackQuery, identity: Identity, services: Services, wanted: ShiftList) -> None:
    page = await services.shifts.list(
        identity.user_id, wanted.which, page=wanted.page, specialization=wanted.specialization
    )
    metrics.SHIFTS_VIEWED_TOTAL.labels(specialization=wanted.specialization or "all").inc()
    await show(event, _list_text(page, wanted), _list_keyboard(page, wanted))


def _list_text(page: ShiftPage, wanted: ShiftList) -> str:
    if not page.items:
        return (
            _("There are no open shifts right now. Please check again later.")
            if wanted.which == "open"
            else _("You have no shifts. /shifts shows the open ones.")
        )
    title = _("Open shifts:") if wanted.which == "open" else _("Your shifts:")
    return "\n".join((title, *(_line(shift) for shift in page.items)))


def _list_keyboard(page: ShiftPage, wanted: ShiftList) -> InlineKeyboardMarkup | None:
    verb: Literal["take", "release"] = "take" if wanted.which == "open" else "release"
    rows: list[list[Button]] = [[_act_button(shift, verb)] for shift in page.items]
    back = wanted.model_copy(update={"page": max(1, page.page - 1)})
    more = wanted.model_copy(update={"page": page.page + 1})
    rows.append(paging(page.page, page.pages, back, more))
    if wanted.which == "open":
        choices: list[Button] = [
            (specialization_name(one), ShiftList(which="open", specialization=one)) for one in Specialization
        ]
        rows += [choices[:3], choices[3:], [(_("All"), ShiftList(which="open"))]]
    return inline(*rows) if any(rows) else None


def _act_button(shift: Shift, verb: Literal["take", "release"]) -> Button:
    text = _("Take: {shift}") if verb == "take" else _("Release: {shift}")
    return text.format(shift=_line(shift)), ShiftAct(id=shift.id, verb=verb)


def _back(shift: Shift, verb: Literal["take", "release"]) -> InlineKeyboardMarkup:
    return inline([_act_button(shift, verb)], [(_("← To the list"), ShiftList(which="open"))])


def _conflict_text(verb: Literal["take", "release"]) -> str:
    if verb == "take":
        return _("Someone else has already taken this shift. Please choose another one.")
    return _("This shift can no longer be released. Please contact the administration.")


def _line(shift: Shift) -> str:
    times = f"{shift.starts_at:%d.%m %H:%M}–{shift.ends_at:%H:%M}"
    return f"{specialization_name(shift.specialization)}, {times}, {shift.address}"
