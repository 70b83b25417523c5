"""The bot replies to or ignores any input in any state; it never fails."""

from typing import Any

from aiogram import Bot
from hypothesis import HealthCheck, given, settings, strategies as st

from app.backends.models import Role
from app.bot import callbacks
from app.bot.setup import COMMANDS
from app.bot.states import STATE_NAMES
from support.bot_conversation import sample

odd_text = st.one_of(
    st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=30),
    st.sampled_from(["\0", "\u202e", "💥" * 2000, "{name}", "%s", "'; DROP TABLE requests; --", "/", "@", "/@", " "]),
    st.sampled_from([f"/{command}" for command in sorted(COMMANDS)]),
)
messages = st.one_of(
    st.fixed_dictionaries({"text": odd_text}),
    st.fixed_dictionaries({"caption": odd_text, "photo": st.just([])}),
    st.fixed_dictionaries({"location": st.fixed_dictionaries({"latitude": st.floats(), "longitude": st.floats()})}),
    st.fixed_dictionaries({"contact": st.fixed_dictionaries({"phone_number": odd_text, "first_name": odd_text})}),
    st.just({"media_group_id": "1", "photo": [{"file_id": "p", "file_unique_id": "p", "width": 1, "height": 1}]}),
    st.just({"dice": {"emoji": "🎲", "value": 1}}),
    st.just({}),
)
part = st.one_of(
    st.sampled_from(
        ["1", "0", "-1", "9" * 30, "", "take", "open", "mine", "plumber", "admin", "start", "done", "true"]
    ),
    st.sampled_from(
        ["photos", "confirm", "urgency", "cancel", "plumbing", "requests", "broadcast", "statistics", "uz"]
    ),
    odd_text,
)
button_data = st.builds(
    lambda prefix, rest: ":".join([prefix, *rest]),
    st.one_of(st.sampled_from(sorted(callbacks.TYPES)), odd_text),
    st.lists(part, max_size=4),
)
remembered = st.dictionaries(
    st.sampled_from(
        ["category", "address", "description", "photos", "urgency", "request_id", "search", "role", "text"]
    ),
    st.one_of(st.none(), st.integers(), st.sampled_from(["plumbing", "high", "users", "admin", "x"]), st.just([])),
)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    event=st.one_of(messages.map(lambda content: ("send", content)), button_data.map(lambda data: ("press", data))),
    state=st.one_of(st.none(), st.sampled_from(sorted(STATE_NAMES))),
    data=remembered,
    role=st.sampled_from([None, *Role]),
    status=st.sampled_from([404, 409, 422, 500]),
)
async def test_never_fails(
    user: Any, event: tuple[str, Any], state: str | None, data: dict[str, Any], role: Role | None, status: int
) -> None:
    bot: Bot = user.bot
    if role is None:
        user.cached = None
        user.backends.responses["POST /api/v1/auth/verify"] = (404, {"error": {"code": "unknown_user", "message": ""}})
    else:
        user.sign_in(role)
    user.backends.default = (status, {"error": {"code": "no", "message": ""}})
    context = user.dispatcher.fsm.get_context(bot, 1001, 1001)
    await context.set_state(state)
    await context.set_data(data)
    unexpected = sample("errors_total", error_type="handler_failed", severity="error")
    how, content = event
    if how == "send":
        await user.send(**content)
    else:
        await user.press(content)
    # The error handler would reply and count an exception of a handler, so its counter must not move.
    assert sample("errors_total", error_type="handler_failed", severity="error") == unexpected
