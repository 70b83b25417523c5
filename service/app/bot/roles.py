"""Sets of roles for permissions, and the `user_role` label of metrics."""

from app.backends.models import Identity, Role
from app.core.closed_sets import STAFF_ROLES
from app.delivery.context import require_update

EVERYONE = frozenset(Role)
STAFF = STAFF_ROLES
MANAGEMENT = frozenset({Role.MANAGER, Role.ADMIN})
ADMINS = frozenset({Role.ADMIN})

UNKNOWN = "unknown"
"""The `user_role` of a user who is not linked to a company account or not yet identified."""


def role_label(identity: Identity | None) -> str:
    """Return the `user_role` of an identity."""
    return UNKNOWN if identity is None else identity.role.value


def cached_role() -> str:
    """Return the `user_role` before authentication: the cached role if there is one."""
    cached = require_update().identity
    role = None if cached is None else cached.value.get("role")
    return role if role in EVERYONE else UNKNOWN
