"""Bodies must mean the same to Telegram as aiogram's own forms do."""

import datetime
from typing import Any

import orjson
import pytest
from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.enums import ParseMode
from aiogram.methods import (
    AnswerCallbackQuery,
    DeleteWebhook,
    EditMessageText,
    GetMe,
    SendLocation,
    SendMediaGroup,
    SendMessage,
    SendPhoto,
    SetMyCommands,
    SetWebhook,
    TelegramMethod,
)
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    ForceReply,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    KeyboardButton,
    LinkPreviewOptions,
    MessageEntity,
    ReplyKeyboardMarkup,
    ReplyKeyboardRemove,
)

from app.telegram.encoding import HasFileError, encode

BOT = Bot("42:TOKEN", default=DefaultBotProperties(parse_mode=ParseMode.HTML, link_preview_is_disabled=True))
KEYBOARD = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="а", callback_data="x:1")]])
METHODS: list[TelegramMethod[Any]] = [
    GetMe(),
    SendMessage(chat_id=1, text="ҳello\n\U0001f600"),
    SendMessage(chat_id="@name", text="a", parse_mode=None, reply_markup=KEYBOARD, disable_notification=True),
    SendMessage(chat_id=1, text="a", reply_markup=ReplyKeyboardRemove()),
    SendMessage(chat_id=1, text="a", reply_markup=ForceReply(selective=False)),
    SendMessage(
        chat_id=1,
        text="a",
        reply_markup=ReplyKeyboardMarkup(keyboard=[[KeyboardButton(text="b", request_contact=True)]]),
        entities=[MessageEntity(type="bold", offset=0, length=1)],
        link_preview_options=LinkPreviewOptions(is_disabled=True),
    ),
    EditMessageText(chat_id=1, message_id=2, text="b", reply_markup=KEYBOARD),
    AnswerCallbackQuery(callback_query_id="1", text="ok", show_alert=True, cache_time=5),
    SendLocation(chat_id=1, latitude=41.3, longitude=69.2),
    SendPhoto(chat_id=1, photo="file-id", caption="c"),
    SendMediaGroup(chat_id=1, media=[InputMediaPhoto(media="file-id"), InputMediaPhoto(media="other")]),
    SetMyCommands(commands=[BotCommand(command="start", description="d")]),
    SetWebhook(url="https://example.org", allowed_updates=["message"], drop_pending_updates=False),
    DeleteWebhook(drop_pending_updates=True),
]


def form_of(method: TelegramMethod[Any]) -> dict[str, Any]:
    """aiogram's form, with nested JSON decoded."""
    form = BOT.session.build_form_data(BOT, method)  # type: ignore[attr-defined]  # the default session is aiohttp's
    return {options["name"]: value for options, _, value in form._fields}


def as_form_value(value: Any) -> str:
    return value if isinstance(value, str) else BOT.session.json_dumps(value)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_a_body_says_what_aiogram_s_form_says(method: TelegramMethod[Any]) -> None:
    body = orjson.loads(encode(method, BOT))
    theirs = {name: as_json(value) for name, value in form_of(method).items()}
    assert {name: as_json(as_form_value(value)) for name, value in body.items()} == theirs


def as_json(value: str) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def test_times_become_unix_seconds() -> None:
    when = datetime.datetime(2030, 1, 1, tzinfo=datetime.UTC)
    body = orjson.loads(encode(SetWebhookWithTime(url="x", until=when), BOT))
    assert body["until"] == 1893456000


class SetWebhookWithTime(SetWebhook):
    until: datetime.datetime


def test_a_file_cannot_be_json() -> None:
    with pytest.raises(HasFileError):
        encode(SendPhoto(chat_id=1, photo=BufferedInputFile(b"x", "x.png")), BOT)
