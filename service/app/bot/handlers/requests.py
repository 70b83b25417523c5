"""The user's requests: list, details, status and comments."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, InlineKeyboardMarkup, Message
from aiogram.utils.i18n import gettext as _

from app.backends.models import Identity, Request, RequestId, RequestPage, RequestStatus, Role
from app.bot.callbacks import RequestComment, RequestList, RequestMove, RequestOpen, RequestPhotos
from app.bot.keyboards import Button, inline, paging
from app.bot.outbox import Outbox
from app.bot.photos import photo_id, send_photos
from app.bot.profiles import ProfileCache
from app.bot.reply import answer_callback, show
from app.bot.services import Services
from app.bot.states import CommentDialog, dialogue_value
from app.bot.texts import category_name, request_details, status_name
from app.bot.user_input import PLAIN_TEXT, plain_text
from app.core import metrics

router = Router(name="Request")

MAX_COMMENT = 1000


@router.message(Command("requests", ignore_case=True), flags={"action": "list_requests"})
async def list_requests(message: Message, identity: Identity, services: Services, profiles: ProfileCache) -> None:
    """Show the first page, with the user's name above it."""
    profile = await profiles.get(identity.user_id)
    page = await services.requests.list(identity.user_id, page=1)
    metrics.REQUESTS_VIEWED_TOTAL.labels(view="list").inc()
    await show(message, _list_text(profile.name, page), _list_keyboard(page))


@router.callback_query(RequestList.filter(), flags={"action": "list_requests"})
async def turn_page(query: CallbackQuery, callback_data: RequestList, identity: Identity, services: Services) -> None:
    """Show another page in the same message."""
    page = await services.requests.list(identity.user_id, page=callback_data.page)
    metrics.REQUESTS_VIEWED_TOTAL.labels(view="list").inc()
    await show(query, _list_text(identity.name, page), _list_keyboard(page))


@router.callback_query(RequestOpen.filter(), flags={"action": "open_request"})
async def open_request(
    query: CallbackQuery, callback_data: RequestOpen, identity: Identity, services: Services
) -> None:
    """Show the details of one request."""
    request = await services.requests.get(identity.user_id, RequestId(callback_data.id))
    metrics.REQUESTS_VIEWED_TOTAL.labels(view="details").inc()
    await show(query, request_details(request), _details_keyboard(request, identity, callback_data.page))


@router.callback_query(RequestPhotos.filter(), flags={"action": "open_request"})
async def show_photos(
    query: CallbackQuery, callback_data: RequestPhotos, identity: Identity, services: Services, outbox: Outbox
) -> None:
    """Send the photos of a request as an album."""
    request = await services.requests.get(identity.user_id, RequestId(callback_data.id))
    if isinstance(query.message, Message):
        await send_photos(query.message, request.photos, outbox)
    await answer_callback(query)


@router.callback_query(RequestMove.filter(), flags={"action": "update_request"})
async def move(query: CallbackQuery, callback_data: RequestMove, identity: Identity, services: Services) -> None:
    """Change the status of a request."""
    request = await services.requests.set_status(
        identity.user_id, RequestId(callback_data.id), RequestStatus(callback_data.status)
    )
    metrics.REQUESTS_UPDATED_TOTAL.labels(status=request.status).inc()
    await show(query, request_details(request), _details_keyboard(request, identity, 1))


@router.callback_query(RequestComment.filter())
async def ask_for_comment(query: CallbackQuery, callback_data: RequestComment, state: FSMContext) -> None:
    """Ask for the text of the comment."""
    await state.set_data({"request_id": callback_data.id})
    await state.set_state(CommentDialog.text)
    await show(query, _("Send your comment, or /cancel."))


@router.message(CommentDialog.text, PLAIN_TEXT, flags={"action": "comment_request"})
async def take_comment(message: Message, state: FSMContext, identity: Identity, services: Services) -> None:
    """Send the comment to the Request Service."""
    text = plain_text(message)
    if not 0 < len(text) <= MAX_COMMENT:
        await message.answer(
            _("A comment can have 1 to {most} characters. Please send it again.").format(most=MAX_COMMENT)
        )
        return
    data = await state.get_data()
    await services.requests.comment(identity.user_id, RequestId(dialogue_value(data, "request_id")), text)
    await state.clear()
    text = _("Your comment has been added.")
    if photo_id(message) is not None:
        text += " " + _("A comment cannot have photos, so the photo was not added.")
    await message.answer(text)


def _list_text(name: str, page: RequestPage) -> str:
    if page.total == 0:
        return _("{name}, you have no requests yet. File one with /newrequest.").format(name=name)
    return _("{name}, your requests: {total}. Page {page} of {pages}.").format(
        name=name, total=page.total, page=page.page, pages=page.pages
    )


def _list_keyboard(page: RequestPage) -> InlineKeyboardMarkup | None:
    if not page.items:
        return None
    rows: list[list[Button]] = [[_open_button(request, page.page)] for request in page.items]
    back, more = RequestList(page=max(1, page.page - 1)), RequestList(page=page.page + 1)
    return inline(*rows, paging(page.page, page.pages, back, more))


def _open_button(request: Request, page: int) -> Button:
    text = f"{request.number} · {category_name(request.category)} · {status_name(request.status)}"
    return text, RequestOpen(id=request.id, page=page)


def _details_keyboard(request: Request, identity: Identity, page: int) -> InlineKeyboardMarkup:
    moves = [
        (move_name(status), RequestMove(id=request.id, status=status)) for status in possible_moves(request, identity)
    ]
    photos: list[Button] = (
        [(_("Show the photos: {count}").format(count=len(request.photos)), RequestPhotos(id=request.id))]
        if request.photos
        else []
    )
    return inline(
        moves,
        photos,
        [(_("Comment"), RequestComment(id=request.id))],
        [(_("← To the list"), RequestList(page=page))],
    )


def possible_moves(request: Request, identity: Identity) -> tuple[RequestStatus, ...]:
    """Return the statuses to offer as buttons. The backend has the final say on what is allowed."""
    match request.status, identity.role:
        case ((RequestStatus.DONE | RequestStatus.CANCELLED), _role):
            return ()
        case _status, Role.APPLICANT:
            return (RequestStatus.CANCELLED,)
        case RequestStatus.NEW, Role.EXECUTOR:
            return (RequestStatus.ASSIGNED,)
        case RequestStatus.ASSIGNED, _role:
            return (RequestStatus.IN_PROGRESS, RequestStatus.CANCELLED)
        case RequestStatus.IN_PROGRESS, _role:
            return (RequestStatus.DONE, RequestStatus.CANCELLED)
        case _status, _role:
            return (RequestStatus.ASSIGNED, RequestStatus.CANCELLED)


def move_name(status: RequestStatus) -> str:
    """Return the label of the button that sets a status."""
    return {
        RequestStatus.NEW: _("Reopen"),
        RequestStatus.ASSIGNED: _("Accept"),
        RequestStatus.IN_PROGRESS: _("Start work"),
        RequestStatus.DONE: _("Mark as done"),
        RequestStatus.CANCELLED: _("Cancel the request"),
    }[status]
