"""The Auth Service: who a Telegram user is."""

from app.backends.call import Call
from app.backends.models import Identity, TelegramId
from app.backends.service import BackendService


class AuthService(BackendService):
    async def verify(self, telegram_id: TelegramId) -> Identity:
        """Return the identity of a Telegram user; a 404 `unknown_user` means that there is none."""
        return await self._request(Call("POST", "/api/v1/auth/verify", body={"telegram_id": telegram_id}), Identity)

    async def link(self, telegram_id: TelegramId, phone: str, language: str) -> Identity:
        """Link a Telegram user to the company account with that phone; 404 `unknown_phone`, 409 if it is taken."""
        body = {"telegram_id": telegram_id, "phone": phone, "language": language}
        return await self._request(Call("POST", "/api/v1/auth/link", body=body, operation="link"), Identity)
