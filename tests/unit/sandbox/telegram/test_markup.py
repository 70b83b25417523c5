"""Texts and keyboards are refused where Telegram refuses them, in its words."""

import pytest

from sandbox.telegram.errors import BotApiError
from sandbox.telegram.markup import CAPTION_LIMIT, checked_markup, checked_text


def keyboard(**button: str) -> dict[str, object]:
    return {"inline_keyboard": [[button]]}


def test_html_becomes_plain_text() -> None:
    assert checked_text("<b>R-1</b> a &lt; b", "HTML") == "R-1 a < b"


@pytest.mark.parametrize(
    ("text", "parse_mode", "complaint"),
    [
        ("", None, "message text is empty"),
        ("  \n", None, "text must be non-empty"),
        ("<b></b>", "HTML", "text must be non-empty"),
        ("x" * 4097, None, "message is too long"),
        ("😀" * 4097, None, "message is too long"),
        ("😀" * 8193, None, "text is too long"),
        ("x", "Wiki", "unsupported parse_mode"),
        ("<script>", "HTML", "Unsupported start tag"),
        ("<b>x", "HTML", "Can't find end tag"),
        ("<b><i>x</b></i>", "HTML", "Unexpected end tag"),
    ],
)
def test_invalid_text_is_refused(text: str, parse_mode: str | None, complaint: str) -> None:
    with pytest.raises(BotApiError, match=complaint):
        checked_text(text, parse_mode)


@pytest.mark.parametrize("text", ["😀" * 4096, "<b>" + "я" * 4096 + "</b>"])
def test_length_is_counted_in_code_points_after_parsing(text: str) -> None:
    assert len(checked_text(text, "HTML")) == 4096


def test_a_caption_has_at_most_1024_code_points() -> None:
    assert len(checked_text("😀" * 1024, None, CAPTION_LIMIT)) == 1024
    with pytest.raises(BotApiError, match="message caption is too long"):
        checked_text("x" * 1025, None, CAPTION_LIMIT)


def test_callback_data_is_limited_to_64_bytes() -> None:
    markup = keyboard(text="ok", callback_data="я" * 32)
    assert checked_markup(markup) == markup
    with pytest.raises(BotApiError, match="BUTTON_DATA_INVALID"):
        checked_markup(keyboard(text="ok", callback_data="я" * 32 + "x"))


def test_a_button_needs_text() -> None:
    with pytest.raises(BotApiError, match="button text must be non-empty"):
        checked_markup(keyboard(text=" ", callback_data="x"))
    with pytest.raises(BotApiError, match="text buttons are unallowed"):
        checked_markup(keyboard(text="ok"))


@pytest.mark.parametrize(
    ("button", "complaint"),
    [("request_contact", "phone number can be requested"), ("request_location", "location can be requested")],
)
def test_request_buttons_are_for_private_chats_only(button: str, complaint: str) -> None:
    markup = {"keyboard": [[{"text": "Share", button: True}]]}
    assert checked_markup(markup) == markup
    with pytest.raises(BotApiError, match=f"{complaint} in private chats only"):
        checked_markup(markup, private=False)


def test_an_edit_takes_inline_keyboards_only() -> None:
    with pytest.raises(BotApiError, match="inline keyboard expected"):
        checked_markup({"remove_keyboard": True}, inline_only=True)
