"""The index against aiogram's own dispatch: on any update the same handler, called with the same data."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from aiogram import Bot, Dispatcher, F, Router
from aiogram.dispatcher.event.bases import REJECTED, UNHANDLED, SkipHandler
from aiogram.dispatcher.event.handler import HandlerObject
from aiogram.filters import Command, CommandStart, StateFilter
from aiogram.filters.callback_data import CallbackData
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import Update, User
from hypothesis import given, settings, strategies as st
from redis.asyncio import Redis

from app.bot import callbacks
from app.bot.services import Services
from app.bot.setup import COMMANDS, build_dispatcher
from app.bot.states import STATE_NAMES
from app.compat.dispatch_index import DispatchIndex, UnsupportedTreeError
from app.core.settings import Settings
from app.delivery.context import CachedIdentity, UpdateContext, current_update
from app.delivery.fsm_storage import ClaimedIsolation, SnapshotStorage

BOT = Bot("42:TOKEN")
BOT._me = User(id=42, is_bot=True, first_name="Bot", username="test_bot")
USER = {"id": 1001, "is_bot": False, "first_name": "A", "language_code": "ru"}
MESSAGE = {"message_id": 1, "date": 0, "chat": {"id": 1001, "type": "private"}, "from": USER}
Called = tuple[Any, ...]


class Dialog(StatesGroup):
    one = State()
    two = State()


class Choice(CallbackData, prefix="ch"):
    value: int


class Other(CallbackData, prefix="ot"):
    name: str


def observe(handler: HandlerObject, name: str, calls: list[Called], result: Any = None) -> None:
    """Let a handler only note that it was called, and with what."""

    async def note(event: Any, **data: Any) -> Any:
        seen = ("event_router", "raw_state", "callback_data", "command", "handler", "event_update", "identity")
        calls.append((name, event, *(data.get(key) for key in seen)))
        if result is SkipHandler:
            raise SkipHandler
        return result

    handler.callback, handler.varkw, handler.awaitable = note, True, True


def synthetic_tree(calls: list[Called]) -> Dispatcher:
    """Every kind of filter, alone and together, in nested routers, with handlers that pass an update on."""
    dispatcher = Dispatcher(storage=SnapshotStorage())
    first, second, nested = Router(name="first"), Router(name="second"), Router(name="nested")
    registrations: list[tuple[Router, str, tuple[Any, ...], Any]] = [
        (first, "message", (CommandStart(),), None),
        (first, "message", (Command("help", "info"),), None),
        (first, "message", (Command("ANY", ignore_case=True),), None),
        (first, "message", (Command("bang", prefix="!"),), None),
        (first, "message", (Dialog.one, F.text), None),
        (first, "message", (Command("skip"),), SkipHandler),
        (first, "message", (StateFilter(Dialog.two, None), F.text == "both"), None),
        (first, "message", (Command("pass"),), UNHANDLED),
        (first, "message", (Command("pass"),), None),
        (first, "callback_query", (Dialog.one, Choice.filter(F.value > 3)), None),
        (first, "callback_query", (Choice.filter(),), None),
        (nested, "message", (Command("pass"),), None),
        (nested, "message", (StateFilter("*"), F.text == "star"), None),
        (second, "message", (Command("rejected"),), REJECTED),
        (second, "callback_query", (Other.filter(),), None),
        (second, "callback_query", (), None),
        (second, "message", (StateFilter(Dialog.two),), None),
        (second, "edited_message", (F.text,), None),
        (second, "message", (), None),
    ]
    for number, (router, kind, filters, result) in enumerate(registrations):
        observer = router.observers[kind]
        observer.register(lambda: None, *filters)
        observe(observer.handlers[-1], f"{kind}-{number}", calls, result)
    first.include_router(nested)
    dispatcher.include_routers(first, second)
    return dispatcher


COMMAND_WORDS = ["start", "help", "info", "any", "ANY", "bang", "skip", "pass", "rejected", "nope", *sorted(COMMANDS)]
PREFIXES = ["ch", "ot", *sorted(callbacks.TYPES), "nope"]
texts = st.one_of(
    st.none(),
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["/", "!", " /", "//", ""]),
        st.sampled_from(COMMAND_WORDS),
        st.sampled_from(["", "@test_bot", "@other_bot"]),
        st.sampled_from(["", " a b", "\n", "  "]),
    ),
    st.sampled_from(["both", "star", "", " ", "/", "text"]),
    st.text(max_size=20),
)
datas = st.one_of(
    st.none(),
    st.builds("{}:{}".format, st.sampled_from(PREFIXES), st.sampled_from(["1", "5", "x", "", "1:2", "ru"])),
    st.text(max_size=20),
)
states = st.sampled_from([None, "Dialog:one", "Dialog:two", "Unknown:state", *sorted(STATE_NAMES)])


@st.composite
def updates(draw: st.DrawFn) -> dict[str, Any]:
    message = dict(MESSAGE)
    text = draw(texts)
    if text is not None:
        message[draw(st.sampled_from(["text", "caption"]))] = text
    kind = draw(st.sampled_from(["message", "edited_message", "callback_query", "inline_query"]))
    if kind == "inline_query":
        return {"update_id": 1, kind: {"id": "1", "from": USER, "query": "", "offset": ""}}
    if kind == "callback_query":
        data = draw(datas)
        query = {"id": "1", "from": USER, "chat_instance": "1", "message": message}
        return {"update_id": 1, kind: query if data is None else {**query, "data": data}}
    return {"update_id": 1, kind: message}


async def dispatched(feed: Callable[..., Any], calls: list[Called], update: Update, state: str | None) -> Any:
    identity = {"user_id": 7, "telegram_id": 1001, "role": "admin", "language": "en", "name": "A"}
    context = UpdateContext(1, 1001, "private", 1001, deadline=0, state=state)
    context.identity = CachedIdentity(identity, stored_at=time.time())
    token = current_update.set(context)
    calls.clear()
    try:
        response = await feed(update)
    finally:
        current_update.reset(token)
    return response, list(calls)


def compare(dispatcher: Dispatcher, calls: list[Called], raw: dict[str, Any], state: str | None) -> list[Called]:
    """Dispatch by both; returns the calls."""

    async def both() -> list[Called]:
        update = Update.model_validate(raw, context={"bot": BOT})
        theirs = await dispatched(lambda u, **data: dispatcher.feed_update(BOT, u, **data), calls, update, state)
        ours = await dispatched(DispatchIndex(dispatcher, BOT).feed, calls, update, state)
        assert ours == theirs
        called: list[Called] = ours[1]
        return called

    return asyncio.run(both())


CALLS: list[Called] = []
TREE = synthetic_tree(CALLS)


@given(updates(), states)
@settings(max_examples=400, deadline=None)
def test_any_tree_is_dispatched_as_aiogram_does(raw: dict[str, Any], state: str | None) -> None:
    compare(TREE, CALLS, raw, state)


@pytest.mark.parametrize("text", ["/start", "/pass", "/skip", "/rejected", "!bang", "/ANY", "star", "both", "other"])
@pytest.mark.parametrize("state", [None, "Dialog:one", "Dialog:two"])
def test_handlers_that_pass_an_update_on_do_so_as_in_aiogram(text: str, state: str | None) -> None:
    compare(TREE, CALLS, {"update_id": 1, "message": {**MESSAGE, "text": text}}, state)


Tree = tuple[Dispatcher, list[Called]]


@pytest.fixture(scope="module")
def bot_tree() -> Tree:
    calls: list[Called] = []
    configured = Settings(bot_token="42:TOKEN")  # type: ignore[arg-type]  # pydantic makes it a SecretStr
    services = Services.from_settings(configured)
    dispatcher = build_dispatcher(services, configured, Redis(), SnapshotStorage())
    for router in dispatcher.chain_tail:
        for kind in ("message", "edited_message", "callback_query"):
            for number, handler in enumerate(router.observers[kind].handlers):
                observe(handler, f"{router.name}-{kind}-{number}", calls)
    return dispatcher, calls


@given(raw=updates(), state=states)
@settings(max_examples=300, deadline=None)
def test_the_bot_s_own_tree_is_dispatched_as_aiogram_does(
    bot_tree: Tree, raw: dict[str, Any], state: str | None
) -> None:
    compare(*bot_tree, raw, state)


def test_the_claim_is_the_bot_s_isolation(bot_tree: Tree) -> None:
    assert isinstance(bot_tree[0].fsm.events_isolation, ClaimedIsolation)


def test_each_command_of_the_bot_finds_its_handler(bot_tree: Tree) -> None:
    names = set()
    for command in sorted(COMMANDS):
        [call] = compare(*bot_tree, {"update_id": 1, "message": {**MESSAGE, "text": f"/{command}"}}, None)
        names.add(call[0])
    assert len(names) == len(COMMANDS)


def test_few_handlers_are_asked(bot_tree: Tree) -> None:
    dispatcher, _ = bot_tree
    update = Update.model_validate({"update_id": 1, "message": {**MESSAGE, "text": "/requests"}})
    registered = sum(len(router.message.handlers) for router in dispatcher.chain_tail)
    assert len(DispatchIndex(dispatcher, BOT)._candidates("message", update.event, None)) < registered / 3


@pytest.mark.parametrize(
    "spoil",
    [
        lambda router: router.message.filter(F.text),
        lambda router: router.message.outer_middleware(lambda handler, event, data: handler(event, data)),
    ],
)
def test_what_the_index_cannot_see_is_refused_at_the_start(spoil: Callable[[Router], Any]) -> None:
    dispatcher = Dispatcher()
    router = Router(name="special")
    router.message.register(lambda: None)
    spoil(router)
    dispatcher.include_router(router)
    with pytest.raises(UnsupportedTreeError, match="special"):
        DispatchIndex(dispatcher, BOT)
