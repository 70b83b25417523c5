"""The error messages for users. Each says what to do next."""

from aiogram.utils.i18n import gettext as _

from app.backends.errors import BackendRefusedError, BackendUnavailableError, ErrorType


def unavailable_text(error: BackendUnavailableError) -> str:
    """Return the message for a backend that gave no usable response."""
    if error.error_type is ErrorType.BULKHEAD_FULL:
        return _("This part of the service is very busy right now. Please try again in a minute.")
    return _("This part of the service is not available at the moment. Please try again in a few minutes.")


def refusal_text(error: BackendRefusedError) -> str:
    """Return the message for a backend that refused the request."""
    match error.status:
        case 403:
            return _("You do not have permission to do this. If you need it, please contact the administration.")
        case 404:
            return _("I could not find that. It may have been deleted. Please open the list again.")
        case 409:
            return _("This has changed in the meantime. Please open it again.")
        case 400 | 422:
            return _("This was not accepted. Please check it and send it again.")
        case _other:
            return unexpected_text()


def unexpected_text() -> str:
    """Return the message for an error in the gateway."""
    return _("Something went wrong on our side, and we have been notified. Please try again.")


def deadline_text() -> str:
    """Return the message for an update whose deadline has passed."""
    return _("This took too long, so I stopped. Please try again in a few minutes.")


def dialogue_expired_text() -> str:
    """Return the message for a dialogue that an older release of the bot started."""
    return _("This conversation has expired. Please start it again.")
