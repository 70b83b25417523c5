"""Translations, read from the .po catalogues at startup, so that no build step has to compile them."""

import io
from gettext import GNUTranslations
from pathlib import Path

from aiogram.types import User
from aiogram.utils.i18n import I18n
from babel.messages import mofile, pofile

from app.delivery.context import require_update

LOCALES = ("ru", "uz", "en")
DEFAULT_LOCALE = "ru"

_CATALOGUES = Path(__file__).parent.parent / "locales"


class CatalogueI18n(I18n):
    """aiogram's I18n with catalogues that are compiled in memory at startup."""

    def __init__(self) -> None:
        self._texts: dict[str, dict[str, str]] = {}
        super().__init__(path=_CATALOGUES, default_locale=DEFAULT_LOCALE, domain="bot")

    def find_locales(self) -> dict[str, GNUTranslations]:
        """Compile every catalogue; raises OSError if one is missing."""
        return {locale: self._compile(locale) for locale in LOCALES}

    def gettext(self, singular: str, plural: str | None = None, n: int = 1, locale: str | None = None) -> str:
        """Translate as aiogram does. A text without plural in the current locale is a single dictionary lookup."""
        if plural is None and locale is None:
            found = self._texts.get(self.ctx_locale.get(), {}).get(singular)
            if found is not None:
                return found
        return super().gettext(singular, plural, n, locale)

    def in_locale(self, locale: str) -> "LocaleContext":
        """Return a context manager; inside it `aiogram.utils.i18n.gettext` translates to this locale."""
        return LocaleContext(self, locale)

    def _compile(self, locale: str) -> GNUTranslations:
        compiled = io.BytesIO()
        with (self.path / locale / "LC_MESSAGES" / f"{self.domain}.po").open("rb") as source:
            catalogue = pofile.read_po(source, locale=locale)
        mofile.write_mo(compiled, catalogue)
        compiled.seek(0)
        translations = GNUTranslations(compiled)
        # Includes untranslated texts, which is nearly all of English: its texts are the message ids.
        self._texts[locale] = {
            text.id: translations.gettext(text.id) for text in catalogue if text.id and isinstance(text.id, str)
        }
        return translations


class LocaleContext:
    """aiogram's `context` and `use_locale` in one, without a generator for each: 1 µs instead of 2.5 per update."""

    __slots__ = ("_i18n", "_locale", "_tokens")

    def __init__(self, i18n: I18n, locale: str) -> None:
        self._i18n = i18n
        self._locale = locale

    def __enter__(self) -> None:
        # aiogram's gettext reads the current instance from I18n, not from the subclass.
        self._tokens = I18n.set_current(self._i18n), self._i18n.ctx_locale.set(self._locale)

    def __exit__(self, *_: object) -> None:
        instance, locale = self._tokens
        self._i18n.ctx_locale.reset(locale)
        I18n.reset_current(instance)


def closest_locale(language: str | None) -> str:
    """Return the supported locale for a language code such as `uz` or `en-GB`; Russian for all others."""
    locale = (language or "").replace("_", "-").partition("-")[0].lower()
    return locale if locale in LOCALES else DEFAULT_LOCALE


def locale_of(user: User | None) -> str:
    """Return the locale of the current update: the user's own choice, otherwise that of their Telegram client."""
    update = require_update()
    cached = update.identity
    identity = update.new_identity or (cached.value if cached is not None else None)
    if identity is not None:
        return closest_locale(identity.get("language"))
    return closest_locale(user.language_code if user else None)
