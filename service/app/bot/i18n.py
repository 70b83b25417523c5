"""Translations, read from the .po catalogues themselves, so that no build step can forget to compile them."""

import io
from gettext import GNUTranslations
from pathlib import Path

from aiogram.types import User
from aiogram.utils.i18n import I18n
from babel.messages import mofile, pofile

from app.delivery.context import UpdateContext

LOCALES = ("ru", "uz", "en")
DEFAULT_LOCALE = "ru"

_CATALOGUES = Path(__file__).parent.parent / "locales"


class CatalogueI18n(I18n):
    """aiogram's I18n, which compiles the catalogues into memory at the start."""

    def __init__(self) -> None:
        self._texts: dict[str, dict[str, str]] = {}
        super().__init__(path=_CATALOGUES, default_locale=DEFAULT_LOCALE, domain="bot")

    def find_locales(self) -> dict[str, GNUTranslations]:
        """Compile every catalogue; raises OSError where one is missing."""
        return {locale: self._compile(locale) for locale in LOCALES}

    def gettext(self, singular: str, plural: str | None = None, n: int = 1, locale: str | None = None) -> str:
        """As aiogram's; a text in the language being spoken, without a plural, is one look into a dictionary."""
        if plural is None and locale is None:
            found = self._texts.get(self.ctx_locale.get(), {}).get(singular)
            if found is not None:
                return found
        return super().gettext(singular, plural, n, locale)

    def speaking(self, locale: str) -> "Speaking":
        """For a `with` block: `aiogram.utils.i18n.gettext` speaks this language inside."""
        return Speaking(self, locale)

    def _compile(self, locale: str) -> GNUTranslations:
        compiled = io.BytesIO()
        with (self.path / locale / "LC_MESSAGES" / f"{self.domain}.po").open("rb") as source:
            catalogue = pofile.read_po(source, locale=locale)
        mofile.write_mo(compiled, catalogue)
        compiled.seek(0)
        translations = GNUTranslations(compiled)
        # Those without a translation too, as nearly all of English, whose texts are the code's own.
        self._texts[locale] = {
            text.id: translations.gettext(text.id) for text in catalogue if text.id and isinstance(text.id, str)
        }
        return translations


class Speaking:
    """What aiogram's `context` and `use_locale` do together, without a generator for each: 1 µs instead of 2.5."""

    __slots__ = ("_i18n", "_locale", "_tokens")

    def __init__(self, i18n: I18n, locale: str) -> None:
        self._i18n = i18n
        self._locale = locale

    def __enter__(self) -> None:
        # The function gettext asks I18n itself for the current instance, not its subclasses.
        self._tokens = I18n.set_current(self._i18n), self._i18n.ctx_locale.set(self._locale)

    def __exit__(self, *_: object) -> None:
        instance, locale = self._tokens
        self._i18n.ctx_locale.reset(locale)
        I18n.reset_current(instance)


def closest_locale(language: str | None) -> str:
    """Our locale for a language code such as `uz` or `en-GB`; Russian where we have none."""
    locale = (language or "").replace("_", "-").partition("-")[0].lower()
    return locale if locale in LOCALES else DEFAULT_LOCALE


def locale_of(update_context: UpdateContext, user: User | None) -> str:
    """The language to speak in an update: the user's own choice, else what their Telegram speaks."""
    cached = update_context.identity
    identity = update_context.new_identity or (cached.value if cached is not None else None)
    if identity is not None:
        return closest_locale(identity.get("language"))
    return closest_locale(user.language_code if user else None)
