"""Keeps secrets out of logs and traces, whoever wrote them."""

import re
from collections.abc import Iterable

REDACTED = "[redacted]"

_CREDENTIALS = re.compile(r"(?<=://)[^/\s?#@]+@")
_BOT_TOKEN = re.compile(r"(?<=/bot)\d+:[A-Za-z0-9_-]+")


class Redactor:
    """Replaces known secrets in a text."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # A secret of a few characters would also hit ordinary words.
        self._secrets = sorted({secret for secret in secrets if len(secret) >= 6}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, REDACTED)
        return text


def redact_urls(text: str) -> str:
    """Replace credentials in a URL, and the token in a path of the Bot API, also one that has been replaced since."""
    if "://" in text:
        text = _CREDENTIALS.sub(f"{REDACTED}@", text)
    return _BOT_TOKEN.sub(REDACTED, text) if "/bot" in text else text
