"""Telegram's validation of texts and keyboards."""

from html.parser import HTMLParser

from sandbox.jsontypes import JsonObject
from sandbox.telegram.errors import bad_request
from sandbox.telegram.known_errors import known_error

# Unicode code points, not UTF-16 units, counted after entities are parsed: td, MessageContent.cpp compares
# utf8_length(text) with message_text_length_max and message_caption_length_max.
TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
RAW_LIMIT_BYTES = 1 << 15
"""Of the text as sent, before entities are parsed: Client::get_formatted_text."""

CALLBACK_ANSWER_LIMIT = 200
"""Documented for answerCallbackQuery; enforced by Telegram's servers."""

CALLBACK_DATA_LIMIT_BYTES = 64
BUTTONS_LIMIT = 100

_PARSE_MODES = frozenset({"", "none", "html", "markdown", "markdownv2"})
_TAGS = frozenset(
    "b strong i em u ins s strike del code pre a tg-spoiler span blockquote tg-emoji tg-time".split()  # noqa: SIM905 - reads as a list
)


# Client::get_inline_keyboard_button_type: a button without any of these is a text button.
_BUTTON_ACTIONS = (
    "url",
    "callback_data",
    "web_app",
    "login_url",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
)


class _HtmlText(HTMLParser):
    """Extracts the plain text and rejects markup that Telegram rejects."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.open_tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - HTMLParser hands it over
        if tag not in _TAGS:
            raise bad_request(f'can\'t parse entities: Unsupported start tag "{tag}" at byte offset {self._offset()}')
        self.open_tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open_tags or self.open_tags.pop() != tag:
            raise bad_request(f'can\'t parse entities: Unexpected end tag "{tag}" at byte offset {self._offset()}')

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    def _offset(self) -> int:
        return self.getpos()[1]


def plain_text(text: str, parse_mode: str | None) -> str:
    """Return the text without markup.

    Raises:
        BotApiError: invalid HTML.
    """
    if (parse_mode or "").lower() != "html":
        return text
    parser = _HtmlText()
    parser.feed(text)
    parser.close()
    if parser.open_tags:
        raise bad_request(
            f"can't parse entities: Can't find end tag corresponding to start tag \"{parser.open_tags[-1]}\""
        )
    return "".join(parser.text)


def checked_text(text: object, parse_mode: str | None, limit: int = TEXT_LIMIT, *, required: bool = True) -> str:
    """Validate a text and return it without markup.

    Raises:
        BotApiError: empty, too long or not parsable.
    """
    raw = str(text or "")
    if required and not raw:
        raise bad_request("message text is empty")  # Client::get_input_message_text
    if len(raw.encode()) > RAW_LIMIT_BYTES:
        raise bad_request("text is too long")
    if (parse_mode or "").lower() not in _PARSE_MODES:
        raise bad_request("unsupported parse_mode")
    plain = plain_text(raw, parse_mode).strip()
    if required and not plain:
        raise bad_request("text must be non-empty")  # td, MessageEntity.cpp, fix_formatted_text
    if len(plain) > limit:
        raise bad_request("message is too long" if limit == TEXT_LIMIT else "message caption is too long")
    return plain


def checked_markup(markup: object, *, private: bool = True, inline_only: bool = False) -> JsonObject | None:
    """Validate a reply markup and return it.

    ``private``: the chat is private, so contacts and locations may be requested (td, ReplyMarkup.cpp,
    get_keyboard_button). ``inline_only``: an edit takes inline keyboards only (get_reply_markup there).

    Raises:
        BotApiError: not an object, too many buttons, or an invalid button.
    """
    if markup in (None, "", {}):
        return None
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    if inline_only and "inline_keyboard" not in markup:
        raise bad_request("inline keyboard expected")
    if not private:
        _check_no_requests(markup)
    rows = markup.get("inline_keyboard", [])
    buttons = [button for row in rows for button in row]
    if len(buttons) > BUTTONS_LIMIT:
        raise bad_request("reply markup is too long")
    for button in buttons:
        _check_button(button)
    return markup


def _check_button(button: JsonObject) -> None:
    if not str(button.get("text", "")).strip():
        raise bad_request("inline keyboard button text must be non-empty")
    if not any(button.get(name) for name in _BUTTON_ACTIONS):
        raise bad_request("text buttons are unallowed in the inline keyboard")
    data = button.get("callback_data")
    if data is not None and not 1 <= len(str(data).encode()) <= CALLBACK_DATA_LIMIT_BYTES:
        raise bad_request("BUTTON_DATA_INVALID")


def _check_no_requests(markup: JsonObject) -> None:
    for row in markup.get("keyboard", []):
        for button in row:
            if isinstance(button, dict) and button.get("request_contact"):
                raise known_error("contact_button_in_group")
            if isinstance(button, dict) and button.get("request_location"):
                raise known_error("location_button_in_group")
