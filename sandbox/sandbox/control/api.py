"""The control API over HTTP: JSON in, JSON out; ``{"error": ...}`` with a 4xx for an invalid call."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TypeVar

import orjson
from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field, ValidationError

from sandbox.control.metrics import simulator_registry
from sandbox.control.user_actions import UserAction, perform
from sandbox.faults import FaultRegistry, FaultSpec
from sandbox.jsontypes import JsonObject
from sandbox.ledger import Ledger
from sandbox.people import Person
from sandbox.telegram.chats import Access, Chat
from sandbox.telegram.injected_errors import ErrorSpec
from sandbox.telegram.known_errors import KNOWN_ERRORS
from sandbox.telegram.simulator import Simulator
from sandbox.telegram.users import UnknownTargetError, Users
from sandbox.traffic.generator import TrafficGenerator

MAX_WAIT_SECONDS = 60.0

M = TypeVar("M", bound=BaseModel)


class TrafficRate(BaseModel):
    """Conversations started per second."""

    rate: float = Field(ge=0, le=1000)


class Blocked(BaseModel):
    """Whether a user has blocked the bot."""

    blocked: bool


class ChatAccess(BaseModel):
    """Whether the bot may write to a chat."""

    access: Access


class Topic(BaseModel):
    """A forum topic."""

    id: int = Field(gt=0)
    open: bool = True


class Control:
    """HTTP handlers of one sandbox."""

    def __init__(
        self,
        *,
        simulator: Simulator,
        ledger: Ledger,
        faults: FaultRegistry,
        traffic: TrafficGenerator,
        people: list[Person],
    ) -> None:
        self._telegram = simulator
        self._users = Users(simulator)
        self._ledger = ledger
        self._faults = faults
        self._traffic = traffic
        self._people = people
        self._registry = simulator_registry(ledger, simulator)

    def application(self, more: Sequence[web.RouteDef] = ()) -> web.Application:
        """Return the server's application; ``more`` are the page's routes."""
        app = web.Application(middlewares=[_errors])
        app.add_routes(
            [
                web.get("/healthz", self.healthz),
                web.get("/metrics", self.metrics),
                web.post("/faults", self.add_fault),
                web.get("/faults", self.list_faults),
                web.delete("/faults", self.clear_faults),
                web.delete("/faults/{id}", self.remove_fault),
                web.post("/telegram/errors", self.add_error),
                web.get("/telegram/errors", self.list_errors),
                web.delete("/telegram/errors", self.clear_errors),
                web.delete("/telegram/errors/{id}", self.remove_error),
                web.get("/telegram/known-errors", self.known_errors),
                web.get("/ledger", self.ledger),
                web.delete("/ledger", self.clear_ledger),
                web.get("/ledger/updates", self.ledger_list(self._ledger.updates)),
                web.get("/ledger/sends", self.ledger_list(self._ledger.sends)),
                web.get("/ledger/effects", self.ledger_list(self._ledger.effects)),
                web.get("/ledger/duplicates", self.duplicates),
                web.get("/ledger/without-effect", self.without_effect),
                web.post("/updates", self.user_action),
                web.get("/chats/{id}/messages", self.messages),
                web.post("/chats/{id}/migrate", self.migrate),
                web.post("/chats/{id}/access", self.set_access),
                web.post("/chats/{id}/topics", self.set_topic),
                web.get("/users", self.users),
                web.post("/users/{id}/blocked", self.block),
                web.get("/traffic", self.traffic),
                web.post("/traffic", self.set_traffic),
                web.get("/webhook", self.webhook),
                *more,
            ]
        )
        return app

    async def healthz(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        return web.Response(text="ok\n")

    async def metrics(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Serve the simulator's metrics."""
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def add_fault(self, request: web.Request) -> web.Response:
        return _json(self._faults.add(await _body(request, FaultSpec)).model_dump(), 201)

    async def list_faults(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        return _json([fault.model_dump() for fault in self._faults.all()])

    async def clear_faults(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        return _json({"removed": self._faults.clear()})

    async def remove_fault(self, request: web.Request) -> web.Response:
        if not self._faults.remove(request.match_info["id"]):
            return _json({"error": "no such fault"}, 404)
        return _json({"removed": 1})

    async def add_error(self, request: web.Request) -> web.Response:
        """Inject a Bot API error."""
        return _json(self._telegram.errors.add(await _body(request, ErrorSpec)).model_dump(), 201)

    async def list_errors(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        return _json([error.model_dump() for error in self._telegram.errors.all()])

    async def clear_errors(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        return _json({"removed": self._telegram.errors.clear()})

    async def remove_error(self, request: web.Request) -> web.Response:
        if not self._telegram.errors.remove(request.match_info["id"]):
            return _json({"error": "no such injected error"}, 404)
        return _json({"removed": 1})

    async def known_errors(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """List the errors that can be injected."""
        return _json({name: asdict(known) for name, known in KNOWN_ERRORS.items()})

    async def ledger(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        return _json(self._ledger.summary() | {"pending": self._telegram.queues.pending})

    async def clear_ledger(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        self._ledger.clear()
        return _json({})

    def ledger_list(self, entries: Callable[[int], list[JsonObject]]) -> Handler:
        """Return the handler for one kind of record; ``since`` is the last number that the client has."""

        async def handle(request: web.Request) -> web.StreamResponse:
            return _json({"items": entries(_number(request, "since", 0))})

        return handle

    async def duplicates(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        return _json(self._ledger.duplicates())

    async def without_effect(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """List the handled updates without a successful send."""
        return _json({"update_ids": self._ledger.without_effect()})

    async def user_action(self, request: web.Request) -> web.Response:
        """Perform a user's action, or queue a raw Update object."""
        try:
            body = orjson.loads(await request.read())
        except orjson.JSONDecodeError as error:
            raise ValueError("the body is not JSON") from error
        if not isinstance(body, dict):
            raise ValueError("the body is not an object")  # noqa: TRY004 - becomes a 400
        if "user_id" not in body:
            return _json({"update_ids": [self._users.raw(body)]}, 202)
        return _json({"update_ids": perform(self._users, UserAction.model_validate(body))}, 202)

    async def messages(self, request: web.Request) -> web.Response:
        """Return the bot's messages after ``after``; ``timeout`` waits for one, ``all=1`` includes the user's."""
        chat = self._telegram.chats.find(_number(request, "id", 0, request.match_info["id"]))
        if chat is None:
            return _json({"error": "no such chat"}, 404)
        from_bot = request.query.get("all", "") not in ("1", "true")
        timeout = min(float(request.query.get("timeout", "0")), MAX_WAIT_SECONDS)
        found = await chat.wait_newer(_number(request, "after", 0), timeout, from_bot=from_bot)
        items = [message.content | {"seq": message.seq, "from_bot": message.from_bot} for message in found]
        return _json({"items": items, "last": chat.seq})

    async def migrate(self, request: web.Request) -> web.Response:
        """Upgrade a group to a supergroup."""
        chat = self._telegram.chats.migrate(_number(request, "id", 0, request.match_info["id"]))
        return _json({"migrate_to_chat_id": chat.id})

    async def set_access(self, request: web.Request) -> web.Response:
        """Set whether the bot may write to a chat; a group that does not exist is created."""
        chat = self._chat(request)
        chat.access = (await _body(request, ChatAccess)).access
        return _json({"access": chat.access})

    async def set_topic(self, request: web.Request) -> web.Response:
        """Open or close a forum topic; the first one makes the chat a forum."""
        topic = await _body(request, Topic)
        self._chat(request).topics[topic.id] = topic.open
        return _json({})

    def _chat(self, request: web.Request) -> Chat:
        chat_id = int(request.match_info["id"])
        chats = self._telegram.chats
        return chats.private(chat_id) if chat_id > 0 else chats.group(chat_id)

    async def users(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        return _json({"items": [_person(person) for person in self._people]})

    async def block(self, request: web.Request) -> web.Response:
        """Make a user block or unblock the bot."""
        user_id = _number(request, "id", 0, request.match_info["id"])
        blocked = (await _body(request, Blocked)).blocked
        return _json({"update_ids": [self._users.set_blocked(user_id, blocked=blocked)]}, 202)

    async def traffic(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Return the rate and the outcomes of conversations."""
        return _json(self._traffic.report())

    async def set_traffic(self, request: web.Request) -> web.Response:
        self._traffic.rate = (await _body(request, TrafficRate)).rate
        return _json(self._traffic.report())

    async def webhook(self, request: web.Request) -> web.Response:  # noqa: ARG002 - a handler's form
        """Return the webhook's URL and the number of pending updates."""
        queues = self._telegram.queues
        return _json(
            {
                "url": self._telegram.webhook.url,
                "pending": queues.pending,
                "loaded_queues": queues.loaded,
                "last_error": queues.last_error,
            }
        )


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (ValidationError, ValueError) as error:
        return _json({"error": str(error)}, 400)
    except UnknownTargetError as error:
        return _json({"error": str(error)}, 404)


async def _body(request: web.Request, model: type[M]) -> M:
    return model.model_validate_json(await request.read())


def _number(request: web.Request, name: str, default: int, text: str | None = None) -> int:
    value = request.query.get(name, "") if text is None else text
    return int(value) if value else default


def _person(person: Person) -> JsonObject:
    return {
        "user_id": person.user_id,
        "telegram_id": person.telegram_id,
        "role": person.role,
        "language": person.language,
        "name": person.name,
        "phone": person.phone,
        "specializations": list(person.specializations),
        "linked": person.linked,
    }


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, content_type="application/json")
