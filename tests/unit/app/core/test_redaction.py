import pytest

from app.core.redaction import redact_urls


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("https://api.telegram.org/bot42:AAF-x_y/getMe", "https://api.telegram.org/bot[redacted]/getMe"),
        ("/bot42:AAF/sendMessage?chat_id=1", "/bot[redacted]/sendMessage?chat_id=1"),
        ("http://user:pass@host:1/a?b=c", "http://[redacted]@host:1/a?b=c"),
        ("redis://:pass@host/0 and redis://host", "redis://[redacted]@host/0 and redis://host"),
        ("http://host/bots/42:a", "http://host/bots/42:a"),
        ("mail a@b", "mail a@b"),
    ],
)
def test_credentials_in_urls_are_redacted(text: str, redacted: str) -> None:
    assert redact_urls(text) == redacted
