"""The User Service: profiles of the company's users."""

from typing import Any

from app.backends.call import Call
from app.backends.models import RecipientPage, Role, Statistics, User, UserId, UserPage
from app.backends.service import BackendService


class UserService(BackendService):
    """Users that `actor` may see and change; the backend authorises each call."""

    async def get(self, actor: UserId, user_id: UserId) -> User:
        return await self._request(Call("GET", "/api/v1/users/{id}", path={"id": user_id}, actor=actor), User)

    async def set_language(self, actor: UserId, language: str) -> User:
        """Change the language of the actor's own account."""
        return await self._patch(actor, actor, {"language": language}, f"set_language:{language}")

    async def set_blocked(self, actor: UserId, user_id: UserId, *, blocked: bool) -> User:
        """Block a user from the bot, or unblock them (admins)."""
        return await self._patch(actor, user_id, {"blocked": blocked}, f"set_blocked:{user_id}:{blocked}")

    async def search(self, actor: UserId, text: str, *, page: int, role: Role | None = None) -> UserPage:
        """Find users by name or phone number (managers and admins)."""
        query: dict[str, str | int] = {"q": text, "page": page, "page_size": 5}
        if role is not None:
            query["role"] = role
        return await self._request(Call("GET", "/api/v1/users", query=query, actor=actor), UserPage)

    async def recipients(self, actor: UserId, role: Role | None, *, after: int, limit: int = 500) -> RecipientPage:
        """Return Telegram ids for a broadcast, in ascending order, greater than `after` (admins)."""
        query: dict[str, str | int] = {"after": after, "limit": limit}
        if role is not None:
            query["role"] = role
        return await self._request(Call("GET", "/api/v1/users/telegram-ids", query=query, actor=actor), RecipientPage)

    async def unlink(self, actor: UserId) -> None:
        """Remove the link between the actor and their Telegram user."""
        await self.client.send(
            Call(
                "DELETE",
                "/api/v1/users/{id}/telegram-link",
                path={"id": actor},
                operation="unlink",
                actor=actor,
            )
        )

    async def statistics(self, actor: UserId) -> Statistics:
        """Return counts over all users (managers and admins)."""
        return await self._request(Call("GET", "/api/v1/users/statistics", actor=actor), Statistics)

    async def _patch(self, actor: UserId, user_id: UserId, change: dict[str, Any], operation: str) -> User:
        call = Call("PATCH", "/api/v1/users/{id}", path={"id": user_id}, body=change, operation=operation, actor=actor)
        return await self._request(call, User)
