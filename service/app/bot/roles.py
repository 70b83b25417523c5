"""Who may do what, and how a role appears in a metric."""

from app.backends.models import Identity, Role
from app.delivery.context import UpdateContext

EVERYONE = frozenset(Role)
STAFF = frozenset({Role.EXECUTOR, Role.MANAGER, Role.ADMIN})
MANAGEMENT = frozenset({Role.MANAGER, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})

UNKNOWN = "unknown"
"""The `user_role` of someone who is not linked to a company account, or not known yet."""


def role_label(identity: Identity | None) -> str:
    """The metrics' `user_role` of an identity."""
    return UNKNOWN if identity is None else identity.role.value


def cached_role(update_context: UpdateContext) -> str:
    """The metrics' `user_role` before authentication: the role that was cached, if one was."""
    cached = update_context.identity
    role = None if cached is None else cached.value.get("role")
    return role if role in EVERYONE else UNKNOWN
