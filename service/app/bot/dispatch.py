"""aiogram's dispatch, compiled: the same handler with the same data, without asking every handler on the way.

aiogram asks the filters of one handler after another and folds the middlewares anew for each update. Here both is done
once. A handler that only takes a command, a state or a prefix of callback data is not asked about other updates;
whatever other filters it has, aiogram's `HandlerObject.check` still decides, in aiogram's order. So the index may
leave out only handlers that would surely have refused.

Not covered, and refused at the start: outer middlewares and filters of a whole router. A handler that returns
`UNHANDLED` ends the search.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from aiogram import Bot, Dispatcher, Router
from aiogram.dispatcher.event.bases import UNHANDLED, MiddlewareType, SkipHandler
from aiogram.dispatcher.event.handler import FilterObject, HandlerObject
from aiogram.filters import Command, StateFilter
from aiogram.filters.callback_data import CallbackQueryFilter
from aiogram.fsm.state import State
from aiogram.types import CallbackQuery, Message, TelegramObject, Update

T = TypeVar("T")
Next = Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]]
Key = tuple[str | None, str | None]
"""State and trigger (command or prefix) of an event, each `_OTHER` where no handler names it."""

# No state, command or prefix can be this: all of them come from a text without a NUL.
_OTHER = "\0"


class NotCompilableError(Exception):
    """The routers use something that the compiled dispatch does not cover."""


@dataclass(frozen=True)
class _Entry:
    """A handler in its place, with its middlewares folded and what it can be left out by; None: by nothing."""

    router: Router
    handler: HandlerObject
    chain: Next
    states: frozenset[str | None] | None
    triggers: frozenset[str] | None

    def may_take(self, state: str | None, trigger: str | None) -> bool:
        """Whether its filters might let such an event pass."""
        return (self.states is None or state in self.states) and (self.triggers is None or trigger in self.triggers)


class CompiledDispatch:
    """Made once, after all routers and middlewares are registered. Raises NotCompilableError."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._dispatcher = dispatcher
        self._chain = _fold(list(dispatcher.update.outer_middleware), self._find_handler)
        self._indexes = {
            kind: _Index(entries)
            for kind in dispatcher.resolve_used_update_types()
            if (entries := tuple(_entries(dispatcher, kind)))
        }

    async def feed_update(self, bot: Bot, update: Update, **data: Any) -> Any:
        """As `Dispatcher.feed_update`; `update` must have been validated with `bot` in its context."""
        everything = {"dispatcher": self._dispatcher, **self._dispatcher.workflow_data, **data, "bot": bot}
        return await self._chain(update, everything)

    async def _find_handler(self, update: TelegramObject, data: dict[str, Any]) -> Any:
        if not isinstance(update, Update):
            raise TypeError("only updates are dispatched")
        index = self._indexes.get(update.event_type)
        if index is None:
            return UNHANDLED
        event = update.event
        for entry in index.candidates(event, data.get("raw_state")):
            passed, kwargs = await entry.handler.check(
                event, **{**data, "event_update": update, "event_router": entry.router, "handler": entry.handler}
            )
            if passed:
                try:
                    return await entry.chain(event, kwargs)
                except SkipHandler:
                    continue
        return UNHANDLED


class _Index:
    """The handlers of one kind of update, by state and trigger."""

    def __init__(self, entries: tuple[_Entry, ...]) -> None:
        self._entries = entries
        self._states = frozenset[str | None]().union(*(entry.states or () for entry in entries))
        self._triggers = frozenset[str | None]().union(*(entry.triggers or () for entry in entries))
        self._candidates: dict[Key, tuple[_Entry, ...]] = {}

    def candidates(self, event: TelegramObject, state: str | None) -> tuple[_Entry, ...]:
        """Who is to be asked, in aiogram's order. The number of keys is bounded by what the handlers name."""
        trigger = _trigger(event)
        key = (
            state if state is None or state in self._states else _OTHER,
            trigger if trigger is None or trigger in self._triggers else _OTHER,
        )
        found = self._candidates.get(key)
        if found is None:
            found = tuple(entry for entry in self._entries if entry.may_take(*key))
            self._candidates[key] = found
        return found


def _trigger(event: TelegramObject) -> str | None:
    """The command of a message, as aiogram's Command reads it, or the prefix of a button's data."""
    if isinstance(event, CallbackQuery):
        return None if event.data is None else event.data.partition(":")[0]
    text = (event.text or event.caption) if isinstance(event, Message) else None
    words = text.split(maxsplit=1) if text else ()
    return words[0][1:].partition("@")[0] if words and words[0].startswith("/") else None


def _entries(router: Router, kind: str) -> Iterator[_Entry]:
    """All handlers for one kind of update, in the order in which aiogram asks them."""
    observer = router.observers[kind]
    if list(observer.outer_middleware) or observer._handler.filters:  # noqa: SLF001 - aiogram shows them nowhere else
        raise NotCompilableError(f"{router}: outer middlewares and filters of a router's {kind} are not covered")
    middlewares = [item for parent in reversed(tuple(router.chain_head)) for item in parent.observers[kind].middleware]
    for handler in observer.handlers:
        filters = handler.filters or []
        yield _Entry(
            router=router,
            handler=handler,
            chain=_fold(middlewares, partial(_call, handler)),
            states=_intersection([_states(one) for one in filters]),
            triggers=_intersection([_triggers(one) for one in filters]),
        )
    for child in router.sub_routers:
        yield from _entries(child, kind)


async def _call(handler: HandlerObject, event: TelegramObject, data: dict[str, Any]) -> Any:
    return await handler.call(event, **data)


def _fold(middlewares: Sequence[MiddlewareType[TelegramObject]], innermost: Next) -> Next:
    chain = innermost
    for middleware in reversed(middlewares):
        chain = partial(middleware, chain)
    return chain


def _states(one: FilterObject) -> frozenset[str | None] | None:
    """The states that a filter takes; None where it takes others too."""
    condition = one.callback
    wanted = condition.states if isinstance(condition, StateFilter) else (condition,)
    names: set[str | None] = set()
    for item in wanted:
        if item is None or (isinstance(item, State) and item.state != "*"):
            names.add(None if item is None else item.state)
        else:
            return None
    return frozenset(names)


def _triggers(one: FilterObject) -> frozenset[str] | None:
    """The commands or the prefix that a filter takes; None where it takes others too."""
    condition = one.callback
    if isinstance(condition, CallbackQueryFilter):
        kind = condition.callback_data
        return frozenset({kind.__prefix__}) if kind.__separator__ == ":" else None
    if isinstance(condition, Command) and condition.prefix == "/" and not condition.ignore_case:
        names = frozenset(name for name in condition.commands if isinstance(name, str))
        return names if len(names) == len(condition.commands) else None
    return None


def _intersection(sets: Sequence[frozenset[T] | None]) -> frozenset[T] | None:
    known = [one for one in sets if one is not None]
    return frozenset.intersection(*known) if known else None
