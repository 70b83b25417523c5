"""The data of inline buttons.

Nothing here is secret or signed: anyone can forge it, so it only ever names a thing, and the backend decides whether
this user may act on it. Telegram takes at most 64 bytes.
"""

from enum import StrEnum
from typing import Annotated, Literal

from aiogram.filters.callback_data import CallbackData
from pydantic import Field

from app.backends.models import Category, RequestStatus, Role, Specialization

Id = Annotated[int, Field(gt=0, lt=2**63)]
Page = Annotated[int, Field(gt=0, lt=10**6)]


class LanguageChoice(CallbackData, prefix="lang"):
    """Speak this language."""

    language: Literal["ru", "uz", "en"]


class CategoryChoice(CallbackData, prefix="nrc"):
    """The new request is about this."""

    category: Category


class DialogStep(StrEnum):
    """Buttons of a dialogue."""

    PHOTOS_DONE = "photos"
    URGENCY = "urgency"
    CONFIRM = "confirm"
    CANCEL = "cancel"


class DialogButton(CallbackData, prefix="nr"):
    """A step of the dialogue that files a request."""

    step: DialogStep


class RequestList(CallbackData, prefix="rl"):
    """A page of one's requests."""

    page: Page


class RequestOpen(CallbackData, prefix="ro"):
    """A request's details; `page` leads back."""

    id: Id
    page: Page


class RequestMove(CallbackData, prefix="rm"):
    """Set a request's status."""

    id: Id
    status: RequestStatus


class RequestComment(CallbackData, prefix="rc"):
    """Say something about a request."""

    id: Id


class ShiftList(CallbackData, prefix="sl"):
    """A page of shifts; open ones by specialisation, or one's own."""

    which: Literal["open", "mine"]
    specialization: Specialization | None = None
    page: Page = 1


class ShiftAct(CallbackData, prefix="sa"):
    """Take or release a shift."""

    id: Id
    verb: Literal["take", "release"]


class Availability(CallbackData, prefix="av"):
    """Whether one takes shifts at all."""

    available: bool


class AdminMenu(CallbackData, prefix="ad"):
    """An entry of the administration's menu."""

    entry: Literal["requests", "users", "statistics", "broadcast"]


class UserOpen(CallbackData, prefix="uo"):
    """A user as the administration sees them."""

    id: Id


class UserBlock(CallbackData, prefix="ub"):
    """Bar a user or let them in again."""

    id: Id
    blocked: bool


class BroadcastAudience(CallbackData, prefix="ba"):
    """Whom a broadcast goes to; None is everyone."""

    role: Role | None = None


class BroadcastAct(CallbackData, prefix="bc"):
    """Start or drop the broadcast that was written."""

    verb: Literal["start", "cancel"]


class Forget(CallbackData, prefix="fg"):
    """The answer to whether all that is kept of the user shall be deleted."""

    sure: bool


TYPES = {
    LanguageChoice.__prefix__: "language",
    CategoryChoice.__prefix__: "request_category",
    DialogButton.__prefix__: "request_dialog",
    RequestList.__prefix__: "request_list",
    RequestOpen.__prefix__: "request_open",
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
"""Every prefix with its name in the metric `callbacks_total{callback_type}`."""
