"""The bot under test of the unit tests, for the example handler."""

from unit.app.bot.conftest import backends, logged, redis, redis_server, services, settings, user

__all__ = ["backends", "logged", "redis", "redis_server", "services", "settings", "user"]
