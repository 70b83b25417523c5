"""Reads the chat and the user from an update."""

from aiogram.dispatcher.middlewares.user_context import UserContextMiddleware
from aiogram.types import Update

from app.delivery.keys import UpdateOrigin


def origin_of(update: Update) -> UpdateOrigin:
    """The update's chat and user. Updates with neither (a poll's result) share chat lock 0."""
    found = UserContextMiddleware.resolve_event_context(update)
    if found.chat is None:
        user_id = found.user.id if found.user is not None else 0
        return UpdateOrigin(update.update_id, user_id, "none", user_id)
    # As in aiogram's key of a dialogue: without a user, the chat's id takes its place.
    user_id = found.user.id if found.user is not None else found.chat.id
    return UpdateOrigin(update.update_id, found.chat.id, found.chat.type, user_id)
