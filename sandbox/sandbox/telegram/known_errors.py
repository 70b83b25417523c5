"""Errors of the Bot API with the place in Telegram's source that produces them.

Sources are the repositories tdlib/telegram-bot-api (``Client.cpp``) and tdlib/td. Errors marked ``LIVE`` come from
Telegram's servers, which are not public; the Bot API server passes them on (``Client::fail_query_with_error``). Names
are what tests, the control API and the demo page use.
"""

from dataclasses import dataclass
from typing import Any

from sandbox.telegram.errors import BotApiError

LIVE = "Telegram's servers"


@dataclass(frozen=True, slots=True)
class KnownError:
    """An error with its HTTP code; ``performed`` means that the call had its effect although it returns an error.

    Code 0 closes the connection without a response.
    """

    code: int
    description: str
    source: str
    performed: bool = False


_ACCESS = "Client::check_chat_access"
_FAIL = "MessagesManager::process_send_message_fail_error"

KNOWN_ERRORS: dict[str, KnownError] = {
    # The message was sent and deleted before it reached the chat, so a repetition would be a second message.
    "immediately_deleted": KnownError(
        500,
        "Internal Server Error: sent message was immediately deleted and can't be returned",
        "Client::delete_message",
        performed=True,
    ),
    "restart": KnownError(500, "Internal Server Error: restart", "Client::get_closing_error"),
    "request_aborted": KnownError(500, "Internal Server Error: Request aborted", "Client::fail_query_with_error"),
    "bad_gateway": KnownError(502, "Bad Gateway", LIVE),
    "closed_before": KnownError(0, "connection closed before the call", LIVE),
    "closed_after": KnownError(0, "connection closed after the call", LIVE, performed=True),
    "too_many_requests": KnownError(429, "Too Many Requests: retry after {retry_after}", LIVE),
    "unauthorized": KnownError(401, "Unauthorized", "Client::get_closing_error"),
    "conflict_webhook": KnownError(
        409,
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
        "Client::process_get_updates_query",
    ),
    "conflict_poller": KnownError(
        409,
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
        "Client::abort_long_poll",
    ),
    "conflict_set_webhook": KnownError(409, "Conflict: terminated by setWebhook request", "Client::abort_long_poll"),
    "blocked": KnownError(
        403, "Forbidden: bot was blocked by the user", "Client::fail_query_with_error (USER_IS_BLOCKED)"
    ),
    "cannot_initiate": KnownError(
        403, "Forbidden: bot can't initiate conversation with a user", f"{_FAIL} (PEER_ID_INVALID)"
    ),
    "user_deactivated": KnownError(403, "Forbidden: user is deactivated", _ACCESS),
    "kicked_from_group": KnownError(403, "Forbidden: bot was kicked from the group chat", _ACCESS),
    "kicked_from_supergroup": KnownError(403, "Forbidden: bot was kicked from the supergroup chat", _ACCESS),
    "not_in_group": KnownError(403, "Forbidden: bot is not a member of the group chat", _ACCESS),
    "not_in_supergroup": KnownError(403, "Forbidden: bot is not a member of the supergroup chat", _ACCESS),
    "group_deleted": KnownError(403, "Forbidden: the group chat was deleted", _ACCESS),
    "not_enough_rights": KnownError(
        400, "Bad Request: not enough rights to send text messages to the chat", "can_send_message_content"
    ),
    "chat_restricted": KnownError(400, "Bad Request: CHAT_RESTRICTED", f"{LIVE}, {_FAIL}"),
    "write_forbidden": KnownError(400, "Bad Request: CHAT_WRITE_FORBIDDEN", f"{LIVE}, {_FAIL}"),
    "topic_closed": KnownError(400, "Bad Request: TOPIC_CLOSED", f"{LIVE}, {_FAIL}"),
    "thread_not_found": KnownError(400, "Bad Request: message thread not found", "Client::check_message_topic"),
    "chat_not_found": KnownError(400, "Bad Request: chat not found", "Client::check_chat"),
    "migrated": KnownError(400, "Bad Request: group chat was upgraded to a supergroup chat", _ACCESS),
    "edit_not_found": KnownError(400, "Bad Request: message to edit not found", "TdOnCheckMessageCallback"),
    "not_modified": KnownError(
        400,
        "Bad Request: message is not modified: specified new message content and reply markup are exactly the same "
        "as a current content and reply markup of the message",
        "Client::fail_query_with_error (MESSAGE_NOT_MODIFIED)",
    ),
    "reply_not_found": KnownError(
        400, "Bad Request: message to be replied not found", "Client::check_reply_parameters"
    ),
    "contact_button_in_group": KnownError(
        400, "Bad Request: phone number can be requested in private chats only", "ReplyMarkup.cpp get_keyboard_button"
    ),
    "location_button_in_group": KnownError(
        400, "Bad Request: location can be requested in private chats only", "ReplyMarkup.cpp get_keyboard_button"
    ),
}


def known_error(name: str, **parameters: Any) -> BotApiError:
    """Build a known error; ``parameters`` are its ResponseParameters, which also fill in the description."""
    known = KNOWN_ERRORS[name]
    return BotApiError(known.code, known.description.format(**parameters), parameters or None)
