"""The callback data of inline buttons.

Nothing here is secret or signed: anyone can forge it, so it only names an object, and the backend decides whether this
user may act on it. Telegram accepts at most 64 bytes.
"""

from enum import StrEnum
from typing import Annotated, Literal

from aiogram.filters.callback_data import CallbackData
from pydantic import Field

from app.backends.models import Category, RequestStatus, Role, Specialization

Id = Annotated[int, Field(gt=0, lt=2**63)]
Page = Annotated[int, Field(gt=0, lt=10**6)]


class LanguageChoice(CallbackData, prefix="lang"):
    """Switch to this language."""

    language: Literal["ru", "uz", "en"]


class CategoryChoice(CallbackData, prefix="nrc"):
    """Choose the category of the new request."""

    category: Category


class DialogStep(StrEnum):
    """The buttons of the new-request dialogue that are not a category."""

    PHOTOS_DONE = "photos"
    URGENCY = "urgency"
    CONFIRM = "confirm"
    CANCEL = "cancel"


class DialogButton(CallbackData, prefix="nr"):
    """A button of the new-request dialogue."""

    step: DialogStep


class RequestList(CallbackData, prefix="rl"):
    """A page of the user's own requests."""

    page: Page


class RequestOpen(CallbackData, prefix="ro"):
    """The details of a request; `page` is the list page to return to."""

    id: Id
    page: Page


class RequestPhotos(CallbackData, prefix="rp"):
    """Show the photos of a request."""

    id: Id


class RequestMove(CallbackData, prefix="rm"):
    """Change the status of a request."""

    id: Id
    status: RequestStatus


class RequestComment(CallbackData, prefix="rc"):
    """Start a comment on a request."""

    id: Id


class ShiftList(CallbackData, prefix="sl"):
    """A page of shifts: open ones, optionally by specialization, or the user's own."""

    which: Literal["open", "mine"]
    specialization: Specialization | None = None
    page: Page = 1


class ShiftAct(CallbackData, prefix="sa"):
    """Take or release a shift."""

    id: Id
    verb: Literal["take", "release"]


class Availability(CallbackData, prefix="av"):
    """Set whether the user is available for shifts."""

    available: bool


class AdminMenu(CallbackData, prefix="ad"):
    """An entry of the administration menu."""

    entry: Literal["requests", "users", "statistics", "broadcast"]


class UserOpen(CallbackData, prefix="uo"):
    """The details of a user, for the administration."""

    id: Id


class UserBlock(CallbackData, prefix="ub"):
    """Block or unblock a user."""

    id: Id
    blocked: bool


class BroadcastAudience(CallbackData, prefix="ba"):
    """The recipients of a broadcast; None is everyone."""

    role: Role | None = None


class BroadcastAct(CallbackData, prefix="bc"):
    """Send or discard the broadcast."""

    verb: Literal["start", "cancel"]


class Forget(CallbackData, prefix="fg"):
    """Confirm or decline the deletion of the user's data."""

    sure: bool


TYPES = {
    LanguageChoice.__prefix__: "language",
    CategoryChoice.__prefix__: "request_category",
    DialogButton.__prefix__: "request_dialog",
    RequestList.__prefix__: "request_list",
    RequestOpen.__prefix__: "request_open",
    RequestPhotos.__prefix__: "request_open",
    RequestMove.__prefix__: "request_status",
    RequestComment.__prefix__: "request_comment",
    ShiftList.__prefix__: "shift_list",
    ShiftAct.__prefix__: "shift_act",
    Availability.__prefix__: "availability",
    AdminMenu.__prefix__: "admin_menu",
    UserOpen.__prefix__: "user_open",
    UserBlock.__prefix__: "user_block",
    BroadcastAudience.__prefix__: "broadcast_audience",
    BroadcastAct.__prefix__: "broadcast_act",
    Forget.__prefix__: "forget",
}
"""Every prefix and its name in the metric `callbacks_total{callback_type}`."""
