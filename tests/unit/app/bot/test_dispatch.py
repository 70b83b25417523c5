"""The compiled dispatch finds the same handler with the same data as aiogram's own, whatever comes."""

from typing import Any

import pytest
from aiogram import Bot, Dispatcher, F, Router
from aiogram.dispatcher.event.bases import UNHANDLED
from aiogram.filters import Command, StateFilter
from aiogram.fsm.storage.memory import MemoryStorage
from aiogram.types import TelegramObject, Update
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from app.bot import callbacks
from app.bot.dispatch import CompiledDispatch, NotCompilableError
from app.bot.services import Services
from app.bot.setup import COMMANDS, build_dispatcher
from app.bot.states import STATE_NAMES
from app.core.settings import Settings

PERSON = {"id": 1001, "is_bot": False, "first_name": "A"}
CHAT = {"id": 1001, "type": "private"}

commands = st.sampled_from([f"/{name}" for name in (*COMMANDS, "nonsense", "", "START")])
suffixes = st.sampled_from(["", " x", "@test_bot", "@other_bot arg", "\n", "  "])
texts = st.one_of(st.builds("{}{}".format, commands, suffixes), st.text(max_size=12), st.just("Navoi 12"))
contents = st.one_of(
    st.fixed_dictionaries({"text": texts}),
    st.fixed_dictionaries({"caption": texts, "photo": st.just([])}),
    st.just({"photo": [{"file_id": "p", "file_unique_id": "p", "width": 1, "height": 1}]}),
    st.just({"location": {"latitude": 1.0, "longitude": 2.0}}),
    st.just({"contact": {"phone_number": "1", "first_name": "A"}}),
    st.just({}),
)
parts = st.sampled_from(["1", "0", "x", "", "take", "open", "ru", "photos", "confirm", "cancel", "plumbing", "start"])
data = st.builds(
    lambda prefix, rest: ":".join([prefix, *rest]),
    st.one_of(st.sampled_from(sorted(callbacks.TYPES)), st.text(max_size=5)),
    st.lists(parts, max_size=3),
)


def message(content: dict[str, Any]) -> dict[str, Any]:
    return {"message_id": 5, "date": 0, "chat": CHAT, "from": PERSON, **content}


events = st.one_of(
    contents.map(lambda content: {"message": message(content)}),
    contents.map(lambda content: {"edited_message": message({**content, "edit_date": 1})}),
    data.map(lambda text: {"callback_query": {"id": "1", "from": PERSON, "chat_instance": "1", "data": text}}),
    st.just({"callback_query": {"id": "1", "from": PERSON, "chat_instance": "1", "game_short_name": "g"}}),
    st.just({"poll_answer": {"poll_id": "1", "user": PERSON, "option_ids": [], "option_persistent_ids": []}}),
)
states = st.one_of(st.none(), st.sampled_from(sorted(STATE_NAMES)), st.just("Gone:state"))


class Recorder:
    """A middleware that notes which handler would be called with which data, and calls none."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, dict[str, Any]]] = []

    async def __call__(self, _handler: Any, _event: TelegramObject, data: dict[str, Any]) -> str:
        callback = data["handler"].callback
        kept = {key: value for key, value in data.items() if key not in {"handler", "event_router", "state"}}
        name = f"{data['event_router'].name} {callback.__module__}.{callback.__qualname__}"
        self.seen.append((name, kept))
        return name


@pytest.fixture
def recorded(services: Services, settings: Settings, redis: Redis) -> tuple[Dispatcher, Recorder]:
    dispatcher = build_dispatcher(services, settings, redis, MemoryStorage())
    ours = [layer for layer in dispatcher.update.outer_middleware if type(layer).__module__.startswith("app.")]
    for layer in ours:
        dispatcher.update.outer_middleware.unregister(layer)
    recorder = Recorder()
    for observer in (dispatcher.message, dispatcher.edited_message, dispatcher.callback_query):
        for layer in list(observer.middleware):
            observer.middleware.unregister(layer)
        observer.middleware(recorder)
    return dispatcher, recorder


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(event=events, state=states)
async def test_finds_what_aiogram_finds(
    recorded: tuple[Dispatcher, Recorder], user: Any, event: dict[str, Any], state: str | None
) -> None:
    dispatcher, recorder = recorded
    compiled = CompiledDispatch(dispatcher)
    bot: Bot = user.bot
    key = dispatcher.fsm.get_context(bot, 1001, 1001)
    await key.set_state(state)
    update = Update.model_validate({"update_id": 1, **event}, context={"bot": bot})
    recorder.seen.clear()
    expected = await dispatcher.feed_update(bot, update, extra="x")
    found = await compiled.feed_update(bot, update, extra="x")
    assert found == expected
    if expected is UNHANDLED:
        assert recorder.seen == []
    else:
        (one, other) = recorder.seen
        assert one == other


async def test_the_whole_bot_answers_the_same(user: Any) -> None:
    user.sign_in()
    await user.send("/help")
    compiled = CompiledDispatch(user.dispatcher)
    user.dispatcher = compiled
    await user.send("/help")
    assert user.said()[0] == user.said()[1]


def test_what_it_does_not_cover_is_refused_at_the_start() -> None:
    router = Router()
    router.message.filter(F.text)
    router.message.register(lambda _message: None)
    dispatcher = Dispatcher()
    dispatcher.include_router(router)
    with pytest.raises(NotCompilableError):
        CompiledDispatch(dispatcher)


async def test_filters_that_cannot_be_indexed_are_asked(user: Any) -> None:
    dispatcher = Dispatcher()
    called: list[str] = []
    for name, filters in (
        ("any state", (StateFilter("*"), F.text == "a")),
        ("shout", (Command("go", ignore_case=True),)),
        ("bang", (Command("go", prefix="!"),)),
    ):
        dispatcher.message.register(lambda _message, name=name: called.append(name), *filters)
    compiled = CompiledDispatch(dispatcher)
    for text in ("a", "/GO", "!go", "/go", "b"):
        update = Update.model_validate({"update_id": 1, "message": message({"text": text})}, context={"bot": user.bot})
        await compiled.feed_update(user.bot, update)
    assert called == ["any state", "shout", "bang", "shout"]
