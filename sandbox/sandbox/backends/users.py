"""The User Service: the company's users."""

from sqlalchemy import func, or_, select

from sandbox.backends.errors import forbidden, not_found
from sandbox.backends.models import (
    Recipient,
    RecipientPage,
    RecipientQuery,
    User,
    UserChange,
    UserPage,
    UserQuery,
    UserStatistics,
)
from sandbox.backends.operation import Call, Operation
from sandbox.backends.tables import UserRow
from sandbox.people import MANAGEMENT, Role


async def get_user(call: Call) -> User:
    """Return a user; everyone may read their own profile, staff may read all."""
    user = await _find(call)
    if call.actor is not None and call.actor.id != user.id:
        call.require(*MANAGEMENT)
    return _user(user)


async def change_user(call: Call) -> User:
    """Change one's own language; admins also block and unblock users."""
    user = await _find(call)
    change: UserChange = call.body
    if call.actor is not None:
        if change.blocked is not None:
            call.require(Role.ADMIN)
        elif call.actor.id != user.id:
            raise forbidden("only the user may change their language")
    if change.blocked is not None:
        user.blocked = change.blocked
    if change.language is not None:
        user.language = change.language
    return _user(user)


async def list_users(call: Call) -> UserPage:
    call.require(*MANAGEMENT)
    query: UserQuery = call.query
    wanted = select(UserRow)
    if query.q:
        pattern = f"%{_escaped(query.q)}%"
        wanted = wanted.where(or_(UserRow.name.ilike(pattern, escape="\\"), UserRow.phone.ilike(pattern, escape="\\")))
    if query.role is not None:
        wanted = wanted.where(UserRow.role == query.role)
    total = await call.session.scalar(select(func.count()).select_from(wanted.subquery())) or 0
    rows = await call.session.scalars(wanted.order_by(UserRow.id).offset(query.offset).limit(query.page_size))
    return UserPage(items=[_user(row) for row in rows], page=query.page, pages=query.pages(total), total=total)


async def list_telegram_ids(call: Call) -> RecipientPage:
    """List broadcast recipients: linked users who are not blocked."""
    call.require(*MANAGEMENT)
    query: RecipientQuery = call.query
    wanted = select(UserRow).where(UserRow.telegram_id > query.after, UserRow.blocked.is_(False))
    if query.role is not None:
        wanted = wanted.where(UserRow.role == query.role)
    rows = list(await call.session.scalars(wanted.order_by(UserRow.telegram_id).limit(query.limit)))
    items = [Recipient.model_validate({"telegram_id": row.telegram_id, "language": row.language}) for row in rows]
    return RecipientPage(items=items, next=items[-1].telegram_id if len(items) == query.limit else None)


async def remove_telegram_link(call: Call) -> User:
    """Unlink a user's Telegram account."""
    user = await _find(call)
    if call.actor is not None and call.actor.id != user.id:
        call.require(Role.ADMIN)
    user.telegram_id = None
    return _user(user)


async def user_statistics(call: Call) -> UserStatistics:
    call.require(*MANAGEMENT)
    blocked = await call.session.scalar(select(func.count()).where(UserRow.blocked.is_(True)))
    by_role = dict((await call.session.execute(select(UserRow.role, func.count()).group_by(UserRow.role))).all())
    languages = select(UserRow.language, func.count()).group_by(UserRow.language)
    by_language = dict((await call.session.execute(languages)).all())
    return UserStatistics(total=sum(by_role.values()), blocked=blocked or 0, by_role=by_role, by_language=by_language)


async def _find(call: Call) -> UserRow:
    user = await call.session.get(UserRow, call.path["id"])
    if user is None:
        raise not_found("user")
    return user


def _escaped(text: str) -> str:
    """Escape LIKE wildcards."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _user(row: UserRow) -> User:
    return User.model_validate({name: getattr(row, name) for name in User.model_fields})


OPERATIONS = (
    Operation("list_users", "GET", "/api/v1/users", "Search users", list_users, UserPage, query=UserQuery),
    Operation(
        "list_telegram_ids",
        "GET",
        "/api/v1/users/telegram-ids",
        "List the recipients of a broadcast",
        list_telegram_ids,
        RecipientPage,
        query=RecipientQuery,
    ),
    Operation("user_statistics", "GET", "/api/v1/users/statistics", "Count users", user_statistics, UserStatistics),
    Operation("get_user", "GET", "/api/v1/users/{id}", "Return a user", get_user, User),
    Operation("change_user", "PATCH", "/api/v1/users/{id}", "Change a user", change_user, User, body=UserChange),
    Operation(
        "remove_telegram_link",
        "DELETE",
        "/api/v1/users/{id}/telegram-link",
        "Unlink a user's Telegram account",
        remove_telegram_link,
        User,
    ),
)
