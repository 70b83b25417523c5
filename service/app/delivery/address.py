"""Reads out of an update whom it concerns."""

from aiogram.dispatcher.middlewares.user_context import UserContextMiddleware
from aiogram.types import Update

from app.delivery.keys import Address


def address_of(update: Update) -> Address:
    """The update's chat and user. What has neither (a poll's result) shares lane 0."""
    found = UserContextMiddleware.resolve_event_context(update)
    if found.chat is None:
        user_id = found.user.id if found.user is not None else 0
        return Address(update.update_id, user_id, "none", user_id)
    # As aiogram names the dialogue: where there is no user, the chat stands for one.
    user_id = found.user.id if found.user is not None else found.chat.id
    return Address(update.update_id, found.chat.id, found.chat.type, user_id)
