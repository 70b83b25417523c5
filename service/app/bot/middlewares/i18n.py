"""Sets the locale: the user's own choice, otherwise that of their Telegram client."""

from typing import Any

from aiogram.types import TelegramObject

from app.bot.i18n import CatalogueI18n, locale_of
from app.bot.middlewares.timed import Handler, TimedMiddleware


class I18nMiddleware(TimedMiddleware):
    """Puts `i18n` and `language` in the handler's data and sets the locale. `auth` may change it afterwards."""

    name = "i18n"

    def __init__(self, i18n: CatalogueI18n) -> None:
        super().__init__()
        self._i18n = i18n

    async def run(self, handler: Handler, event: TelegramObject, data: dict[str, Any]) -> Any:
        data["i18n"] = self._i18n
        data["language"] = locale = locale_of(data.get("event_from_user"))
        with self._i18n.in_locale(locale):
            return await handler(event, data)
