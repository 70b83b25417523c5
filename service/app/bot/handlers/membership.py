"""What Telegram tells of the chat itself: the user has blocked the bot, or lets it write again."""

from aiogram import F, Router
from aiogram.enums import ChatMemberStatus, ChatType
from aiogram.types import ChatMemberUpdated

from app.telegram.blocked import BlockedUsers

router = Router(name="Membership")


@router.my_chat_member(F.chat.type == ChatType.PRIVATE)
async def changed(event: ChatMemberUpdated, blocked: BlockedUsers) -> None:
    """Remember it for the broadcasts."""
    if event.new_chat_member.status == ChatMemberStatus.KICKED:
        await blocked.note(event.chat.id)
    else:
        await blocked.forget(event.chat.id)
