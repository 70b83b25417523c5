"""Builds the dispatcher: routers and middlewares in the order in which they run."""

from copy import deepcopy

from aiogram import Dispatcher
from aiogram.fsm.storage.base import BaseStorage
from redis.asyncio import Redis

from app.bot import callbacks
from app.bot.broadcast import Broadcaster
from app.bot.chat_migration import ChatMigration
from app.bot.handlers import (
    admin,
    broadcasts,
    edited,
    errors,
    fallback,
    forget,
    membership,
    new_request,
    requests,
    shifts,
    start,
)
from app.bot.i18n import CatalogueI18n
from app.bot.middlewares.addressed import AddressedMiddleware
from app.bot.middlewares.auth import AuthMiddleware
from app.bot.middlewares.guard import GuardMiddleware
from app.bot.middlewares.handler_span import HandlerSpanMiddleware
from app.bot.middlewares.i18n import I18nMiddleware
from app.bot.middlewares.metrics import MetricsMiddleware
from app.bot.middlewares.rate_limit import RateLimitMiddleware
from app.bot.notify import Notifier
from app.bot.outbox import Outbox
from app.bot.profiles import ProfileCache
from app.bot.services import Services
from app.core.settings import Settings
from app.delivery.dead_letters import DeadLetters
from app.delivery.fsm_storage import ClaimedIsolation
from app.delivery.keys import KeySpace
from app.telegram.blocked import BlockedUsers
from app.telegram.budget import SendBudget
from app.telegram.refusals import RefusingChats

COMMANDS = frozenset(
    {"start", "help", "newrequest", "requests", "shifts", "myshifts", "availability", "admin"}
    | {"language", "cancel", "forget"}
)
"""Every command of the bot; the closed set of `commands_total{command}`."""

# The first router whose filter matches handles the update. Dialogues do not match commands (`PLAIN_TEXT`), so a user
# can leave one by any command. `fallback` matches everything and must be the last one before `errors`.
_ROUTERS = (
    *(start.router, new_request.router, requests.router, shifts.router, admin.router, broadcasts.router),
    *(forget.router, edited.router, membership.router, fallback.router, errors.router),
)


def build_dispatcher(
    services: Services,
    settings: Settings,
    redis: Redis,
    storage: BaseStorage,
    *,
    budget: SendBudget | None = None,
    refusing: RefusingChats | None = None,
) -> Dispatcher:
    """Build the dispatcher. Every update is fed to it with its context as `current_update`.

    `emit_startup(bot=...)` starts the senders of broadcasts and deferred messages, `emit_shutdown()` stops them.
    """
    i18n = CatalogueI18n()
    keys = KeySpace(settings.redis_key_prefix, settings.bot_id)
    prefix = keys.shared()
    outbox = Outbox(redis, key_prefix=prefix)
    blocked = BlockedUsers.of(redis, settings)
    refusing = refusing or RefusingChats()
    broadcaster = Broadcaster(redis, services.users, i18n, blocked=blocked, budget=budget, key_prefix=prefix)
    dispatcher = Dispatcher(
        storage=storage,
        events_isolation=ClaimedIsolation(),
        services=services,
        profiles=ProfileCache(redis, services.users, key_prefix=prefix),
        i18n=i18n,
        blocked=blocked,
        dead_letters=DeadLetters.of(redis, keys, settings),
        refusing=refusing,
        outbox=outbox,
        broadcaster=broadcaster,
        notifier=Notifier(redis, outbox, i18n, key_prefix=prefix),
    )
    migration = ChatMigration(redis, KeySpace(settings.redis_key_prefix, settings.bot_id))
    _add_middlewares(dispatcher, services, settings, i18n, refusing, migration)
    for router in _ROUTERS:
        # A router can be included in one dispatcher only; a copy lets a test build several in one process.
        dispatcher.include_router(deepcopy(router))
    for worker in (outbox, broadcaster):
        dispatcher.startup.register(worker.start)
        dispatcher.shutdown.register(worker.close)
    return dispatcher


def _add_middlewares(
    dispatcher: Dispatcher,
    services: Services,
    settings: Settings,
    i18n: CatalogueI18n,
    refusing: RefusingChats,
    migration: ChatMigration,
) -> None:
    for middleware in (
        MetricsMiddleware(commands=COMMANDS, callback_types=callbacks.TYPES),
        migration,
        I18nMiddleware(i18n),
        AddressedMiddleware(refusing),
        RateLimitMiddleware(),
        AuthMiddleware(
            services.auth,
            i18n,
            fresh_seconds=settings.identity_fresh_seconds,
            stale_seconds=settings.identity_stale_seconds,
        ),
    ):
        dispatcher.update.outer_middleware(middleware)
    guard, handler_span = GuardMiddleware(), HandlerSpanMiddleware()
    for observer in (dispatcher.message, dispatcher.edited_message, dispatcher.callback_query):
        observer.middleware(guard)
        observer.middleware(handler_span)
