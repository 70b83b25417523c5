"""The Auth Service: identifies Telegram accounts and links them to users."""

from sqlalchemy import select

from sandbox.backends.errors import ApiError, conflict
from sandbox.backends.models import Identity, LinkInput, VerifyInput
from sandbox.backends.operation import Call, Operation
from sandbox.backends.tables import UserRow


async def verify(call: Call) -> Identity:
    """Return the identity of a Telegram account."""
    user = await call.session.scalar(select(UserRow).where(UserRow.telegram_id == call.body.telegram_id))
    if user is None:
        raise ApiError(404, "unknown_user", "no user has this Telegram account")
    return _identity(user, call.body.telegram_id)


async def link(call: Call) -> Identity:
    """Link a Telegram account to the user with that phone number."""
    body: LinkInput = call.body
    phone = "+" + "".join(character for character in body.phone if character.isdigit())
    user = await call.session.scalar(select(UserRow).where(UserRow.phone == phone).with_for_update())
    if user is None:
        raise ApiError(404, "unknown_phone", "no user has this phone number")
    if user.telegram_id not in (None, body.telegram_id):
        raise conflict("already_linked", "this user has another Telegram account")
    owner = await call.session.scalar(select(UserRow).where(UserRow.telegram_id == body.telegram_id))
    if owner is not None and owner.id != user.id:
        raise conflict("account_taken", "this Telegram account belongs to another user")
    user.telegram_id, user.language = body.telegram_id, body.language
    return _identity(user, body.telegram_id)


def _identity(user: UserRow, telegram_id: int) -> Identity:
    return Identity.model_validate(
        {
            "user_id": user.id,
            "telegram_id": telegram_id,
            "role": user.role,
            "language": user.language,
            "name": user.name,
            "blocked": user.blocked,
            "specializations": user.specializations,
        }
    )


OPERATIONS = (
    Operation(
        "verify",
        "POST",
        "/api/v1/auth/verify",
        "Identify a Telegram account",
        verify,
        Identity,
        body=VerifyInput,
        changes=False,
    ),
    Operation("link", "POST", "/api/v1/auth/link", "Link a Telegram account to a user", link, Identity, body=LinkInput),
)
