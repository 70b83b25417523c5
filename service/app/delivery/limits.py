"""Encodes the users' rate limits for the claim script."""

from app.core.closed_sets import STAFF_ROLES
from app.core.metrics import USER_ROLES
from app.core.settings import Settings


def encode_limits(settings: Settings) -> str:
    """Return `role:burst:per_second;` for every role, in one text."""
    parts = []
    for role in USER_ROLES:
        factor = settings.rate_limit_staff_factor if role in STAFF_ROLES else 1
        parts.append(f"{role}:{settings.rate_limit_burst * factor:f}:{settings.rate_limit_per_second * factor:f};")
    return "".join(parts)
