"""The bot with a real Redis."""

from support.bot_conversation import backends, logged, moved, services, settings, user

__all__ = ["backends", "logged", "moved", "services", "settings", "user"]
