"""Texts that several handlers share, in the current locale."""

from aiogram.types import User
from aiogram.utils.i18n import gettext as _

from app.backends.models import Category, Request, RequestStatus, Role, Specialization, Urgency

MAX_NAME = 32
"""Characters of a person's name in a toast, which has 200; Telegram allows 64 for each of first and last name."""


def shown_name(user: User) -> str:
    """Return a person's name on one line, without invisible characters, cut to `MAX_NAME`; it may be empty."""
    name = " ".join("".join(letter if letter.isprintable() else " " for letter in user.full_name).split())
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1].rstrip() + "…"


def category_name(category: Category) -> str:
    return {
        Category.PLUMBING: _("Plumbing"),
        Category.ELECTRICITY: _("Electricity"),
        Category.HEATING: _("Heating"),
        Category.ELEVATOR: _("Elevator"),
        Category.CLEANING: _("Cleaning"),
        Category.OTHER: _("Other"),
    }[category]


def status_name(status: RequestStatus) -> str:
    return {
        RequestStatus.NEW: _("new"),
        RequestStatus.ASSIGNED: _("assigned"),
        RequestStatus.IN_PROGRESS: _("in progress"),
        RequestStatus.DONE: _("done"),
        RequestStatus.CANCELLED: _("cancelled"),
    }[status]


def urgency_name(urgency: Urgency) -> str:
    return {Urgency.LOW: _("low"), Urgency.NORMAL: _("normal"), Urgency.HIGH: _("high")}[urgency]


def role_name(role: Role) -> str:
    return {
        Role.APPLICANT: _("resident"),
        Role.EXECUTOR: _("executor"),
        Role.MANAGER: _("manager"),
        Role.ADMIN: _("administrator"),
    }[role]


def specialization_name(specialization: Specialization) -> str:
    return {
        Specialization.PLUMBER: _("Plumber"),
        Specialization.ELECTRICIAN: _("Electrician"),
        Specialization.HEATING: _("Heating"),
        Specialization.ELEVATOR: _("Elevator"),
        Specialization.CLEANER: _("Cleaner"),
        Specialization.UNIVERSAL: _("Universal"),
    }[specialization]


def request_line(request: Request) -> str:
    """Return a request as one line of a list."""
    return _("{number} · {category} · {status}").format(
        number=request.number, category=category_name(request.category), status=status_name(request.status)
    )


def request_details(request: Request) -> str:
    """Return a request in full, with its last five comments: more might exceed the limit of one message."""
    lines = [
        request_line(request),
        _("Address: {address}").format(address=request.address),
        _("Urgency: {urgency}").format(urgency=urgency_name(request.urgency)),
        _("Photos: {count}").format(count=len(request.photos)),
        "",
        request.description,
    ]
    if request.comments:
        lines += ["", _("Comments:"), *(f"— {comment.text}" for comment in request.comments[-5:])]
    return "\n".join(lines)
