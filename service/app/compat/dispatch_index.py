"""Finds an update's handler without asking every handler of the bot.

aiogram asks the handlers of its router tree one by one, which with some forty of them costs more than all else the
gateway does. Here they are sorted once, at the start: by the command, the dialogue's state and the prefix of callback
data that a handler's own filters require. An update's key then leads to the few that may match, in aiogram's order, and
these are asked by aiogram's own `HandlerObject.check`, with all their filters. So a filter that the index does not know
only means one more handler to ask, never a wrong answer.

Routers and handlers are aiogram's and stay as they are. Not supported, and refused at the start: filters of a whole
router and outer middlewares of an event's observer, for they may change what the index cannot see.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from aiogram import Bot, Dispatcher, Router
from aiogram.dispatcher.event.bases import REJECTED, UNHANDLED, SkipHandler
from aiogram.dispatcher.event.handler import HandlerObject
from aiogram.filters import Command, StateFilter
from aiogram.filters.callback_data import CallbackQueryFilter
from aiogram.fsm.state import State
from aiogram.types import CallbackQuery, Message, TelegramObject, Update

T = TypeVar("T")
Next = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]
Key = tuple[str, str | None, str | None, str | None]
"""Kind of event, command, state, prefix of callback data; what no filter names is `_OTHER`."""

_OTHER = "\0other"


class UnsupportedTreeError(Exception):
    """The router tree uses something that the index cannot represent."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A handler with what it requires; None requires nothing."""

    handler: HandlerObject
    router: Router
    chain: tuple[Router, ...]
    call: Next
    commands: frozenset[str] | None
    states: frozenset[str | None] | None
    prefixes: frozenset[str] | None

    def may_match(self, command: str | None, state: str | None, prefix: str | None) -> bool:
        """Whether its requirements hold; its filters have the last word."""
        return (
            (self.commands is None or command in self.commands)
            and (self.states is None or state in self.states)
            and (self.prefixes is None or prefix in self.prefixes)
        )


class DispatchIndex:
    """Dispatches updates to the handlers of `dispatcher`, whose tree must not change any more."""

    def __init__(self, dispatcher: Dispatcher, bot: Bot) -> None:
        self._dispatcher = dispatcher
        self._bot = bot
        self._entries: dict[str, list[Entry]] = {}
        for kind in dispatcher.resolve_used_update_types():
            self._entries[kind] = [entry for router in dispatcher.chain_tail for entry in _entries(router, kind)]
        everything = [entry for entries in self._entries.values() for entry in entries]
        self._commands = frozenset[str]().union(*(entry.commands or () for entry in everything))
        self._states = frozenset[str | None]().union(*(entry.states or () for entry in everything))
        self._prefixes = frozenset[str]().union(*(entry.prefixes or () for entry in everything))
        self._found: dict[Key, tuple[Entry, ...]] = {}
        self._chain: Next = _fold(list(dispatcher.update.outer_middleware), self._find_and_call)

    async def feed(self, update: Update, **data: Any) -> Any:
        """As `Dispatcher.feed_update`; `update` must have been made with the bot as its context."""
        workflow = self._dispatcher.workflow_data
        return await self._chain(update, {"dispatcher": self._dispatcher, **workflow, **data, "bot": self._bot})

    async def _find_and_call(self, update: TelegramObject, data: dict[str, Any]) -> Any:
        assert isinstance(update, Update)  # noqa: S101 - nothing else is fed
        event, kind = update.event, update.event_type
        data = {**data, "event_update": update}
        left: Router | None = None
        rejected: Router | None = None
        for entry in self._candidates(kind, event, data.get("raw_state")):
            if entry.router is left or (rejected is not None and rejected in entry.chain):
                continue
            data["handler"], data["event_router"] = entry.handler, entry.router
            matches, found = await entry.handler.check(event, **data)
            if not matches:
                continue
            called_with = {**data, **found}
            try:
                response = await entry.call(event, called_with)
            except SkipHandler:
                continue
            if response is REJECTED:
                rejected = entry.router
            elif response is not UNHANDLED:
                return response
            left = entry.router
        return UNHANDLED

    def _candidates(self, kind: str, event: TelegramObject, raw_state: str | None) -> tuple[Entry, ...]:
        command = _command_of(event)
        prefix = _prefix_of(event)
        key = (
            kind,
            command if command is None or command in self._commands else _OTHER,
            raw_state if raw_state is None or raw_state in self._states else _OTHER,
            prefix if prefix is None or prefix in self._prefixes else _OTHER,
        )
        found = self._found.get(key)
        if found is None:
            # The keys are a closed set, so this does not grow for good.
            found = tuple(entry for entry in self._entries.get(kind, ()) if entry.may_match(*key[1:]))
            self._found[key] = found
        return found


def _entries(router: Router, kind: str) -> list[Entry]:
    observer = router.observers[kind]
    root_filters = observer._handler.filters  # noqa: SLF001 - aiogram has no public way to ask
    if root_filters or len(observer.outer_middleware):
        raise UnsupportedTreeError(f"{router.name}: filters or outer middlewares of the whole observer of {kind}")
    middlewares = observer._resolve_middlewares()  # noqa: SLF001 - aiogram has no public way to ask
    chain = tuple(router.chain_head)
    return [
        Entry(
            handler,
            router,
            chain,
            _fold(middlewares, partial(_call, handler)),
            _required(handler, _commands_of_filter),
            _required(handler, _states_of_filter),
            _required(handler, _prefixes_of_filter),
        )
        for handler in observer.handlers
    ]


async def _call(handler: HandlerObject, event: TelegramObject, data: dict[str, Any]) -> Any:
    return await handler.call(event, **data)


def _fold(middlewares: list[Any], innermost: Next) -> Next:
    chain = innermost
    for middleware in reversed(middlewares):
        chain = partial(middleware, chain)
    return chain


def _required(handler: HandlerObject, of_filter: Callable[[Any], frozenset[T] | None]) -> frozenset[T] | None:
    """What all filters of one sort together require; None where none of them does."""
    required: frozenset[T] | None = None
    for filter_object in handler.filters or ():
        allowed = of_filter(filter_object.callback)
        if allowed is not None:
            required = allowed if required is None else required & allowed
    return required


def _commands_of_filter(condition: Any) -> frozenset[str] | None:
    if not isinstance(condition, Command) or condition.prefix != "/":
        return None
    if not all(isinstance(command, str) for command in condition.commands):
        return None
    return frozenset(str(command).casefold() for command in condition.commands)


def _states_of_filter(condition: Any) -> frozenset[str | None] | None:
    states = condition.states if isinstance(condition, StateFilter) else (condition,)
    if not all(state is None or isinstance(state, State) for state in states):
        return None
    names = frozenset(state.state if isinstance(state, State) else None for state in states)
    return None if "*" in names else names


def _prefixes_of_filter(condition: Any) -> frozenset[str] | None:
    if not isinstance(condition, CallbackQueryFilter) or condition.callback_data.__separator__ != ":":
        return None
    return frozenset({condition.callback_data.__prefix__})


def _command_of(event: TelegramObject) -> str | None:
    """The command as aiogram's filter reads it: the first word, without its slash and mention, in lower case."""
    if not isinstance(event, Message):
        return None
    words = (event.text or event.caption or "").split(maxsplit=1)
    return words[0][1:].partition("@")[0].casefold() if words and words[0][0] == "/" else None


def _prefix_of(event: TelegramObject) -> str | None:
    return event.data.partition(":")[0] if isinstance(event, CallbackQuery) and event.data else None
