"""Encodes the users' rate limits for the claim script."""

from app.core.metrics import USER_ROLES
from app.core.settings import Settings

_STAFF = frozenset({"executor", "manager", "admin"})


def encode_limits(settings: Settings) -> str:
    """Return `role:burst:per_second;` for every role, in one text."""
    parts = []
    for role in USER_ROLES:
        factor = settings.rate_limit_staff_factor if role in _STAFF else 1
        parts.append(f"{role}:{settings.rate_limit_burst * factor:f}:{settings.rate_limit_per_second * factor:f};")
    return "".join(parts)
