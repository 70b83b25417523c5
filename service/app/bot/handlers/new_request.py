"""The dialogue that files a request: category, address or location, description, photos, confirmation."""

from typing import Any

from aiogram import F, Router
from aiogram.filters import Command, StateFilter
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message
from aiogram.utils.i18n import gettext as _
from pydantic import ValidationError

from app.backends.models import Category, Identity, NewRequest, Urgency
from app.bot.callbacks import CategoryChoice, DialogButton, DialogStep
from app.bot.keyboards import inline
from app.bot.photos import HAS_PHOTO, is_replied_album, photo_id
from app.bot.reply import show
from app.bot.services import Services
from app.bot.states import DialogueExpiredError, NewRequestDialog
from app.bot.texts import category_name, request_line, urgency_name
from app.bot.user_input import PLAIN_TEXT, plain_text
from app.core import metrics

router = Router(name="New Request")

MIN_ADDRESS, MAX_ADDRESS = 3, 200
MIN_DESCRIPTION, MAX_DESCRIPTION = 3, 1000
MAX_PHOTOS = 10

_NEXT_URGENCY = {Urgency.NORMAL: Urgency.HIGH, Urgency.HIGH: Urgency.LOW, Urgency.LOW: Urgency.NORMAL}


@router.message(Command("newrequest", ignore_case=True), flags={"action": "new_request"})
async def start(message: Message, state: FSMContext) -> None:
    """Ask for the category."""
    await state.set_data({})
    await state.set_state(NewRequestDialog.category)
    buttons = [(category_name(category), CategoryChoice(category=category)) for category in Category]
    await message.answer(
        _("What is your request about?"), reply_markup=inline(buttons[:2], buttons[2:4], buttons[4:], [_cancel()])
    )


@router.callback_query(NewRequestDialog.category, CategoryChoice.filter())
async def take_category(query: CallbackQuery, callback_data: CategoryChoice, state: FSMContext) -> None:
    """Store the category, ask for the address."""
    await state.update_data(category=callback_data.category)
    await state.set_state(NewRequestDialog.address)
    await show(query, _("Where is it? Send the address or a location."), inline([_cancel()]))


@router.message(NewRequestDialog.address, PLAIN_TEXT)
async def take_address(message: Message, state: FSMContext) -> None:
    """Store the address, ask for the description."""
    data = await state.get_data()
    address = plain_text(message)
    problem = address_problem(address)
    if problem is not None:
        await message.answer(problem)
        return
    await state.update_data(address=address, address_message=message.message_id, **_photos(message, data))
    await _ask_for_description(message, state)


@router.message(NewRequestDialog.address, F.location)
async def take_location(message: Message, state: FSMContext) -> None:
    """Store the coordinates instead of an address."""
    if message.location is None:
        return
    latitude, longitude = message.location.latitude, message.location.longitude
    await state.update_data(
        address=f"{latitude:.5f}, {longitude:.5f}", location={"latitude": latitude, "longitude": longitude}
    )
    await _ask_for_description(message, state)


@router.message(NewRequestDialog.description, PLAIN_TEXT)
async def take_description(message: Message, state: FSMContext) -> None:
    """Store the description, ask for photos."""
    description = plain_text(message)
    problem = description_problem(description)
    if problem is not None:
        await message.answer(problem)
        return
    data = await state.get_data()
    await state.update_data(description=description, description_message=message.message_id, **_photos(message, data))
    await state.set_state(NewRequestDialog.photos)
    button = (_("Without photos"), DialogButton(step=DialogStep.PHOTOS_DONE))
    await message.answer(_("Send photos, if you have any."), reply_markup=inline([button], [_cancel()]))


@router.message(StateFilter(NewRequestDialog.address, NewRequestDialog.description), HAS_PHOTO)
async def take_early_photo(message: Message, state: FSMContext) -> None:
    """Store a photo without a text, which comes before it is asked for, and ask again. Albums get one reply."""
    data = await state.get_data()
    await state.update_data(**_photos(message, data))
    if is_replied_album(message, data):
        return
    await message.answer(_("I have added the photo. Please write the text that I asked for, or send /cancel."))


@router.message(NewRequestDialog.photos, HAS_PHOTO)
async def take_photo(message: Message, state: FSMContext) -> None:
    """Store one photo, and the text under it. An album arrives as one update per photo and gets one reply."""
    data = await state.get_data()
    text, problem = _with_caption(message, data)
    await state.update_data(**_photos(message, data), **text)
    if problem is None and is_replied_album(message, data):
        return
    reply = _("Thank you. Send more photos ({most} at most), or press the button to continue.").format(most=MAX_PHOTOS)
    button = (_("No more photos"), DialogButton(step=DialogStep.PHOTOS_DONE))
    await message.answer(
        reply if problem is None else f"{problem}\n\n{reply}", reply_markup=inline([button], [_cancel()])
    )


@router.callback_query(NewRequestDialog.photos, DialogButton.filter(F.step == DialogStep.PHOTOS_DONE))
async def ask_to_confirm(query: CallbackQuery, state: FSMContext) -> None:
    """Show the request and ask for confirmation."""
    await state.set_state(NewRequestDialog.confirm)
    await _show_summary(query, _to_request(await state.get_data()))


@router.callback_query(NewRequestDialog.confirm, DialogButton.filter(F.step == DialogStep.URGENCY))
async def change_urgency(query: CallbackQuery, state: FSMContext) -> None:
    """Switch to the next urgency."""
    request = _to_request(await state.get_data())
    urgency = _NEXT_URGENCY[request.urgency]
    await state.update_data(urgency=urgency)
    await _show_summary(query, request.model_copy(update={"urgency": urgency}))


@router.callback_query(
    NewRequestDialog.confirm,
    DialogButton.filter(F.step == DialogStep.CONFIRM),
    flags={"action": "create_request"},
)
async def create(query: CallbackQuery, state: FSMContext, identity: Identity, services: Services) -> None:
    """File the request. If the Request Service fails, the dialogue keeps its state and the button works again."""
    request = await services.requests.create(identity.user_id, _to_request(await state.get_data()))
    await state.clear()
    metrics.REQUESTS_CREATED_TOTAL.labels(category=request.category).inc()
    await show(query, _("Your request is filed: {request}").format(request=request_line(request)))


@router.callback_query(DialogButton.filter(F.step == DialogStep.CANCEL))
async def cancel(query: CallbackQuery, state: FSMContext) -> None:
    """Leave the dialogue."""
    await state.clear()
    await show(query, _("Cancelled."))


def _photos(message: Message, data: dict[str, Any]) -> dict[str, Any]:
    """Return the dialogue's data about photos, with that of the message; more than `MAX_PHOTOS` are left out."""
    photos: list[str] = data.get("photos") or []
    added = photo_id(message)
    if added is None:
        return {}
    if len(photos) < MAX_PHOTOS:
        photos = [*photos, added]
    return {"photos": photos, "album": message.media_group_id}


def _with_caption(message: Message, data: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """Return the description with the text under a photo, or why it cannot be added."""
    caption = plain_text(message)
    description = f"{data.get('description', '')}\n{caption}"
    if not caption:
        return {}, None
    if len(description) > MAX_DESCRIPTION:
        return {}, _("The text under the photo was not added: a description has at most {most} characters.").format(
            most=MAX_DESCRIPTION
        )
    return {"description": description}, None


def address_problem(address: str) -> str | None:
    """Return the error message for an invalid address; None if it is valid."""
    if MIN_ADDRESS <= len(address) <= MAX_ADDRESS:
        return None
    return _("An address must have {least} to {most} characters. Please send it again.").format(
        least=MIN_ADDRESS, most=MAX_ADDRESS
    )


def description_problem(description: str) -> str | None:
    """Return the error message for an invalid description; None if it is valid."""
    if MIN_DESCRIPTION <= len(description) <= MAX_DESCRIPTION:
        return None
    return _("A description must have {least} to {most} characters. Please send it again.").format(
        least=MIN_DESCRIPTION, most=MAX_DESCRIPTION
    )


async def _ask_for_description(message: Message, state: FSMContext) -> None:
    await state.set_state(NewRequestDialog.description)
    await message.answer(_("What happened?"), reply_markup=inline([_cancel()]))


def _to_request(data: dict[str, Any]) -> NewRequest:
    try:
        return NewRequest.model_validate(data)
    except ValidationError as error:
        raise DialogueExpiredError("new request") from error


async def _show_summary(query: CallbackQuery, request: NewRequest) -> None:
    text = "\n".join(
        (
            _("Is this correct?"),
            "",
            category_name(request.category),
            _("Address: {address}").format(address=request.address),
            _("Urgency: {urgency}").format(urgency=urgency_name(request.urgency)),
            _("Photos: {count}").format(count=len(request.photos)),
            "",
            request.description,
        )
    )
    await show(query, text, _confirmation())


def _confirmation() -> InlineKeyboardMarkup:
    return inline(
        [(_("File the request"), DialogButton(step=DialogStep.CONFIRM))],
        [(_("Change the urgency"), DialogButton(step=DialogStep.URGENCY))],
        [_cancel()],
    )


def _cancel() -> tuple[str, DialogButton]:
    return _("Cancel"), DialogButton(step=DialogStep.CANCEL)
