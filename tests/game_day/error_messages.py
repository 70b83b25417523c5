"""The bot's error messages, read from its catalogues.

The sandbox's ledger stores digests of texts; they tell who got an error message.
"""

from __future__ import annotations

import functools
from pathlib import Path

from babel.messages import Catalog, pofile

from sandbox.ledger import text_hash
from sandbox.telegram.sending import visible_content

LOCALES = Path(__file__).resolve().parents[2] / "service/app/locales"
DOMAIN = "bot"
LANGUAGES = ("en", "ru", "uz")
ERROR_MESSAGES = (
    "This part of the service is very busy right now. Please try again in a minute.",
    "This part of the service is not available at the moment. Please try again in a few minutes.",
    "Something went wrong on our side, and we have been notified. Please try again.",
    "This took too long, so I stopped. Please try again in a few minutes.",
    "I cannot verify your account right now. Please try again in a few minutes.",
    "I cannot verify your permissions right now. Please try again in a few minutes.",
)


@functools.cache
def _catalogue(language: str) -> Catalog:
    with (LOCALES / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as source:
        return pofile.read_po(source, locale=language)


def translated(text: str, language: str) -> str:
    """The text in a language; raises KeyError if the catalogue does not have it."""
    message = _catalogue(language).get(text)
    if message is None:
        raise KeyError(f"{text!r} is not in the bot's catalogue ({language})")
    return str(message.string) or text


@functools.cache
def error_message_digests() -> frozenset[str]:
    """The digests of every error message in every language, as in the ledger."""
    return frozenset(
        text_hash(visible_content("sendMessage", {"text": translated(text, language)}))
        for text in ERROR_MESSAGES
        for language in LANGUAGES
    )
