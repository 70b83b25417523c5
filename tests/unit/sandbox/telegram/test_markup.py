"""Texts and keyboards are refused where Telegram refuses them, in its words."""

import pytest

from sandbox.telegram.errors import BotApiError
from sandbox.telegram.markup import checked_markup, checked_text


def keyboard(**button: str) -> dict[str, object]:
    return {"inline_keyboard": [[button]]}


def test_html_becomes_plain_text() -> None:
    assert checked_text("<b>R-1</b> a &lt; b", "HTML") == "R-1 a < b"


@pytest.mark.parametrize(
    ("text", "parse_mode", "complaint"),
    [
        ("", None, "message text is empty"),
        ("  \n", None, "message text is empty"),
        ("<b></b>", "HTML", "message text is empty"),
        ("x" * 4097, None, "message is too long"),
        ("😀" * 2049, None, "message is too long"),
        ("<script>", "HTML", "Unsupported start tag"),
        ("<b>x", "HTML", "Can't find end tag"),
        ("<b><i>x</b></i>", "HTML", "Unexpected end tag"),
    ],
)
def test_invalid_text_is_refused(text: str, parse_mode: str | None, complaint: str) -> None:
    with pytest.raises(BotApiError, match=complaint):
        checked_text(text, parse_mode)


def test_callback_data_is_limited_to_64_bytes() -> None:
    markup = keyboard(text="ok", callback_data="я" * 32)
    assert checked_markup(markup) == markup
    with pytest.raises(BotApiError, match="BUTTON_DATA_INVALID"):
        checked_markup(keyboard(text="ok", callback_data="я" * 32 + "x"))


def test_a_button_needs_text() -> None:
    with pytest.raises(BotApiError, match="text buttons"):
        checked_markup(keyboard(text=" ", callback_data="x"))
