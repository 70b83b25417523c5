"""Puts the bot together: routers in their order, middlewares in theirs."""

from copy import deepcopy

from aiogram import Dispatcher
from aiogram.fsm.storage.base import BaseStorage
from redis.asyncio import Redis

from app.bot import callbacks
from app.bot.handlers import errors, fallback, new_request, requests, start
from app.bot.i18n import CatalogueI18n
from app.bot.middlewares.auth import AuthMiddleware
from app.bot.middlewares.guard import GuardMiddleware
from app.bot.middlewares.handler_span import HandlerSpanMiddleware
from app.bot.middlewares.i18n import I18nMiddleware
from app.bot.middlewares.metrics import MetricsMiddleware
from app.bot.middlewares.rate_limit import RateLimitMiddleware
from app.bot.profiles import ProfileCache
from app.bot.services import Services
from app.core.settings import Settings

COMMANDS = ("start", "help", "newrequest", "requests", "language", "cancel")
"""Every command of the bot."""

_ROUTERS = (start.router, new_request.router, requests.router, fallback.router, errors.router)


def build_dispatcher(services: Services, settings: Settings, redis: Redis, storage: BaseStorage) -> Dispatcher:
    """The dispatcher. Every update fed to it must come with `update_context` in its data."""
    i18n = CatalogueI18n()
    dispatcher = Dispatcher(
        storage=storage,
        services=services,
        profiles=ProfileCache(redis, services.users, key_prefix=settings.redis_key_prefix),
        i18n=i18n,
    )
    dispatcher.update.outer_middleware(
        MetricsMiddleware(commands=frozenset(COMMANDS), callback_types=callbacks.PREFIXES)
    )
    dispatcher.update.outer_middleware(I18nMiddleware(i18n))
    dispatcher.update.outer_middleware(RateLimitMiddleware())
    dispatcher.update.outer_middleware(
        AuthMiddleware(
            services.auth,
            i18n,
            fresh_seconds=settings.identity_fresh_seconds,
            stale_seconds=settings.identity_stale_seconds,
        )
    )
    for observer in (dispatcher.message, dispatcher.callback_query):
        observer.middleware(GuardMiddleware())
        observer.middleware(HandlerSpanMiddleware())
    for router in _ROUTERS:
        # A router belongs to one dispatcher for good; a copy lets a process (a test) build more than one.
        dispatcher.include_router(deepcopy(router))
    return dispatcher
