"""Every text of the bot exists in every language, with the same placeholders."""

import io
import string
from pathlib import Path

import pytest
from aiogram.utils.i18n import gettext
from babel.messages import extract, pofile
from babel.messages.catalog import Catalog

import app.bot
from app.bot.i18n import LOCALES, CatalogueI18n, closest_locale

SOURCES = Path(app.bot.__file__).parent
CATALOGUES = SOURCES.parent / "locales"


def messages_of_the_code() -> set[str]:
    found: set[str] = set()
    for path in SOURCES.rglob("*.py"):
        extracted = extract.extract("python", io.BytesIO(path.read_bytes()), keywords={"_": None})
        found.update(str(message) for _line, message, _comments, _context in extracted)
    return found


def catalogue(locale: str) -> Catalog:
    with (CATALOGUES / locale / "LC_MESSAGES" / "bot.po").open("rb") as source:
        return pofile.read_po(source, locale=locale)


def placeholders(text: str) -> set[str]:
    return {name for _text, name, _spec, _conversion in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("locale", LOCALES)
def test_catalogue_and_code_have_the_same_messages(locale: str) -> None:
    assert {message.id for message in catalogue(locale) if message.id} == messages_of_the_code()


@pytest.mark.parametrize("locale", ["ru", "uz"])
def test_every_message_is_translated_with_its_placeholders(locale: str) -> None:
    for message in catalogue(locale):
        if message.id:
            assert message.string, message.id
            assert not message.fuzzy, message.id
            assert placeholders(str(message.string)) == placeholders(str(message.id))


def test_there_are_three_languages() -> None:
    i18n = CatalogueI18n()
    assert [i18n.gettext("Yes", locale=locale) for locale in LOCALES] == ["Да", "Ha", "Yes"]


@pytest.mark.parametrize(
    ("code", "locale"), [("en-GB", "en"), ("uz_UZ", "uz"), ("RU", "ru"), ("de", "ru"), ("", "ru"), (None, "ru")]
)
def test_closest_locale(code: str | None, locale: str) -> None:
    assert closest_locale(code) == locale


@pytest.mark.parametrize("locale", LOCALES)
def test_the_fast_lookup_returns_the_same_text_as_gettext(locale: str) -> None:
    i18n = CatalogueI18n()
    compiled = i18n.locales[locale]
    with i18n.use_locale(locale):
        for text in (*messages_of_the_code(), "no such text", ""):
            assert i18n.gettext(text) == compiled.gettext(text)


def test_a_locale_applies_only_inside_its_block() -> None:
    i18n = CatalogueI18n()
    text = "Cancelled."
    with i18n.in_locale("ru"):
        russian = gettext(text)
        with i18n.in_locale("en"):
            assert gettext(text) == text != russian
        assert gettext(text) == russian
    with pytest.raises(LookupError):
        gettext(text)
