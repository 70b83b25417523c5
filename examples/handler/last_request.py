"""The command `/last`: the newest request of the user."""

from aiogram import Router
from aiogram.filters import Command
from aiogram.types import Message
from aiogram.utils.i18n import gettext as _

from app.backends.models import Identity
from app.bot.services import Services
from app.bot.texts import request_details

router = Router(name="Last Request")
"""The first word of a router's name is the name of its handlers' span."""


@router.message(Command("last"), flags={"action": "last_request"})
async def show_last(message: Message, identity: Identity, services: Services) -> None:
    """Reply with the newest request, or say how to file the first one."""
    # The Request Service returns the newest first. An error of the backend is left to the error handler, which
    # replies in the user's language.
    page = await services.requests.list(identity.user_id, page=1)
    if not page.items:
        await message.answer(
            _("{name}, you have no requests yet. File one with /newrequest.").format(name=identity.name)
        )
        return
    await message.answer(request_details(page.items[0]))
