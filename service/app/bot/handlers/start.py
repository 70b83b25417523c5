"""Greeting, help, language, cancel, and linking a Telegram user to their account."""

from typing import Literal

from aiogram import F, Router
from aiogram.filters import Command, CommandStart
from aiogram.fsm.context import FSMContext
from aiogram.types import CallbackQuery, Message, ReplyKeyboardRemove
from aiogram.utils.i18n import I18n, gettext as _

from app.backends.errors import BackendRefusedError
from app.backends.models import Identity, Role, TelegramId
from app.bot.account_link import ask_for_contact
from app.bot.callbacks import LanguageChoice
from app.bot.keyboards import inline
from app.bot.reply import show
from app.bot.roles import MANAGEMENT, STAFF
from app.bot.services import Services
from app.bot.texts import role_name
from app.delivery.context import require_update

router = Router(name="Start")

_LANGUAGE_NAMES: tuple[tuple[Literal["ru", "uz", "en"], str], ...] = (
    ("ru", "Русский"),
    ("uz", "O‘zbekcha"),
    ("en", "English"),
)


@router.message(CommandStart(ignore_case=True), flags={"guest": True, "action": "start"})
async def start(message: Message, identity: Identity | None, state: FSMContext) -> None:
    """Greet the user; ask one without an account for their phone number."""
    await state.clear()
    if identity is None:
        await ask_for_contact(message, _("Welcome! Please share your phone number so that I can find your account."))
        return
    greeting = _("Hello, {name}! You are signed in as {role}.").format(
        name=identity.name, role=role_name(identity.role)
    )
    await message.answer(f"{greeting}\n\n{_help_text(identity)}", reply_markup=ReplyKeyboardRemove())


@router.message(Command("help", ignore_case=True), flags={"guest": True, "action": "help"})
async def show_help(message: Message, identity: Identity | None) -> None:
    """List the commands for the role of this user."""
    await message.answer(_help_text(identity))


@router.message(Command("cancel", ignore_case=True), flags={"guest": True, "action": "cancel"})
async def cancel(message: Message, state: FSMContext) -> None:
    """Leave the current dialogue."""
    text = _("There is nothing to cancel.") if await state.get_state() is None else _("Cancelled.")
    await state.clear()
    await message.answer(text, reply_markup=ReplyKeyboardRemove())


@router.message(Command("language", ignore_case=True))
async def choose_language(message: Message) -> None:
    await message.answer(
        _("Which language do you prefer?"),
        reply_markup=inline(*([(name, LanguageChoice(language=code))] for code, name in _LANGUAGE_NAMES)),
    )


@router.callback_query(LanguageChoice.filter(), flags={"action": "set_language"})
async def set_language(
    query: CallbackQuery,
    callback_data: LanguageChoice,
    identity: Identity,
    services: Services,
    i18n: I18n,
) -> None:
    """Store the language in the account, so that notifications use it too."""
    # The stored identity counts as fresh, so verify it first: changing the language must not extend a revoked role.
    confirmed = await services.auth.verify(identity.telegram_id)
    await services.users.set_language(identity.user_id, callback_data.language)
    changed = confirmed.model_copy(update={"language": callback_data.language})
    require_update().new_identity = changed.model_dump(mode="json")
    i18n.current_locale = callback_data.language
    await show(query, _("From now on, I will write to you in English."))


@router.message(F.contact, flags={"guest": True, "action": "link"})
async def link(
    message: Message,
    identity: Identity | None,
    services: Services,
    i18n: I18n,
) -> None:
    """Link the Telegram user to the account with their phone number. A contact of someone else is refused."""
    contact, user = message.contact, message.from_user
    if contact is None or user is None:
        return
    if identity is not None:
        await message.answer(
            _("Your account is already linked. /help shows what I can do."), reply_markup=ReplyKeyboardRemove()
        )
        return
    # A forwarded contact, or one sent through another bot, can be old or made up; only the button shares the real one.
    if contact.user_id != user.id or message.forward_origin is not None or message.via_bot is not None:
        await ask_for_contact(message, _("Please share your own phone number with the button below."))
        return
    try:
        linked = await services.auth.link(TelegramId(user.id), _normalised(contact.phone_number), i18n.current_locale)
    except BackendRefusedError as refused:
        if refused.status == 404:
            await message.answer(_("I could not find this phone number. Please contact the administration."))
            return
        if refused.status == 409:
            await message.answer(_("This account is linked to someone else. Please contact the administration."))
            return
        raise
    require_update().new_identity = linked.model_dump(mode="json")
    greeting = _("Hello, {name}! You are signed in as {role}.").format(name=linked.name, role=role_name(linked.role))
    await message.answer(f"{greeting}\n\n{_help_text(linked)}", reply_markup=ReplyKeyboardRemove())


def _normalised(phone: str) -> str:
    """Return a phone number as `+` and digits; Telegram's clients send it with or without the plus sign."""
    return "+" + "".join(character for character in phone if character.isdecimal())


def _help_text(identity: Identity | None) -> str:
    role = identity.role if identity else Role.APPLICANT
    commands = {"/newrequest": _("file a request"), "/requests": _("your requests")}
    if role in STAFF:
        commands |= {
            "/shifts": _("open shifts"),
            "/myshifts": _("your shifts"),
            "/availability": _("your availability for shifts"),
        }
    if role in MANAGEMENT:
        commands["/admin"] = _("search, statistics, broadcasts")
    commands |= {
        "/language": _("change the language"),
        "/cancel": _("cancel the current action"),
        "/forget": _("delete the data I store about you"),
    }
    return "\n".join([_("What I can do:"), *(f"{command} — {text}" for command, text in commands.items())])
