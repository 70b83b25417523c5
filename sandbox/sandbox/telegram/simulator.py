"""State of the simulated Telegram, shared by the Bot API, the user actions and the control API."""

import asyncio
import itertools
import time
from collections.abc import Callable

from sandbox.jsontypes import JsonObject
from sandbox.ledger import Ledger
from sandbox.people import Person
from sandbox.telegram.callbacks import CallbackQueries
from sandbox.telegram.chats import Chats
from sandbox.telegram.files import Files
from sandbox.telegram.injected_errors import ErrorRegistry
from sandbox.telegram.limits import FloodLimits
from sandbox.telegram.long_poll import LongPoll
from sandbox.telegram.queues import UpdateQueues
from sandbox.telegram.webhook import Perform, WebhookClient, WebhookSettings

FIRST_UPDATE_ID = 100_000_001

# Telegram sends these only to bots that name them in allowed_updates.
_NOT_BY_DEFAULT = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


class Simulator:
    """Chats, files, callback queries, update queues and the webhook of one bot."""

    def __init__(
        self,
        *,
        bot_id: int,
        people: list[Person],
        ledger: Ledger,
        clock: Callable[[], float] = time.time,
        flood_limits: bool = True,
    ) -> None:
        self.bot: JsonObject = {"id": bot_id, "is_bot": True, "first_name": "Sandbox Bot", "username": "sandbox_bot"}
        self.ledger = ledger
        self.clock = clock
        self.chats = Chats(people, clock)
        self.files = Files()
        self.callbacks = CallbackQueries(clock)
        self.limits = FloodLimits(clock, enabled=flood_limits)
        self.queues = UpdateQueues(ledger, clock)
        self.long_poll = LongPoll(clock)
        self.errors = ErrorRegistry()
        self.webhook = WebhookSettings()
        self.commands: dict[str, list[JsonObject]] = {}
        self.perform: Perform | None = None
        self._client: WebhookClient | None = None
        self._removal: asyncio.Task[None] | None = None
        self._update_ids = itertools.count(FIRST_UPDATE_ID)

    async def set_webhook(self, settings: WebhookSettings, *, drop_pending: bool = False) -> None:
        """Switch deliveries to another webhook; an empty URL stops them."""
        if settings != self.webhook or drop_pending:
            await self.queues.deliver_to(None, 0)
            if self._client is not None:
                await self._client.close()
                self._client = None
            if drop_pending:
                self.queues.drop_all()
        self.webhook = settings
        if settings.url:
            self.long_poll.abort("conflict_set_webhook")
        if settings.url and self._client is None:
            self._client = WebhookClient(
                settings, perform=self.perform, clock=self.clock, remove=self._remove_gone_webhook
            )
            await self.queues.deliver_to(self._client.deliver, settings.max_connections)

    def _remove_gone_webhook(self) -> None:
        """Remove the webhook in a task of its own: the delivery that asks for it is cancelled by it."""
        if self._removal is None or self._removal.done():
            without = WebhookSettings(allowed_updates=self.webhook.allowed_updates)
            self._removal = asyncio.create_task(self.set_webhook(without))

    async def close(self) -> None:
        """Stop delivering and close the connections to the bot."""
        await self.set_webhook(WebhookSettings())

    def queue_update(self, kind: str, payload: JsonObject, *, chat_id: int | None, user_id: int | None) -> int | None:
        """Queue an update and return its id; None if allowed_updates excludes its kind."""
        allowed = self.webhook.allowed_updates
        if (kind not in allowed) if allowed else (kind in _NOT_BY_DEFAULT):
            return None
        update_id = next(self._update_ids)
        queue = f"chat:{chat_id}" if chat_id is not None and kind != "callback_query" else f"user:{user_id}"
        self.ledger.update_created(update_id, kind, queue, chat_id, user_id)
        self.queues.put(queue, kind, {"update_id": update_id, kind: payload})
        return update_id
