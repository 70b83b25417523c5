"""A Bot API server as scripted, and a bot that talks to it."""

from support.bot_api import api, bot, bot_api, in_update

__all__ = ["api", "bot", "bot_api", "in_update"]
