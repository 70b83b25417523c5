"""What a user is told when something did not work, and what is counted for it."""

from aiogram.utils.i18n import gettext as _

from app.backends.errors import BackendRefusedError, BackendUnavailableError, ErrorType


def unavailable_text(error: BackendUnavailableError) -> str:
    """For a backend that gave no usable answer."""
    if error.error_type is ErrorType.BULKHEAD_FULL:
        return _("Many people are asking for this right now. Please try again in a minute.")
    return _("This part of the service is not available at the moment. Please try again in a few minutes.")


def refusal_text(error: BackendRefusedError) -> str:
    """For a backend that said no."""
    match error.status:
        case 403:
            return _("You are not allowed to do this.")
        case 404:
            return _("This no longer exists.")
        case 409:
            return _("This has changed in the meantime. Please open it again.")
        case 400 | 422:
            return _("This was not accepted. Please check what you entered.")
        case _other:
            return unexpected_text()


def unexpected_text() -> str:
    """For a fault of ours."""
    return _("Something went wrong on our side. We have been told about it. Please try again.")


def late_text() -> str:
    """For an update whose time is over."""
    return _("This takes longer than it should, so I have stopped. Please try again in a few minutes.")


def stale_dialog_text() -> str:
    """For a dialogue that began before the bot changed."""
    return _("This dialogue is too old to go on. Please begin it again.")
