"""Membership changes: a user has blocked or unblocked the bot, or its rights in a group have changed."""

from aiogram import F, Router
from aiogram.enums import ChatMemberStatus, ChatType
from aiogram.types import ChatMemberUpdated

from app.telegram.blocked import BlockedUsers
from app.telegram.refusals import RefusingChats

router = Router(name="Membership")


@router.my_chat_member(F.chat.type != ChatType.PRIVATE)
async def rights_changed(event: ChatMemberUpdated, refusing: RefusingChats) -> None:
    """Forget that a group refused messages: the bot's rights in it have changed."""
    await refusing.remove(event.chat.id)


@router.my_chat_member(F.chat.type == ChatType.PRIVATE)
async def changed(event: ChatMemberUpdated, blocked: BlockedUsers) -> None:
    """Store the change, so that broadcasts skip users who blocked the bot."""
    if event.new_chat_member.status == ChatMemberStatus.KICKED:
        await blocked.add(event.chat.id)
    else:
        await blocked.remove(event.chat.id)
