"""A chat's updates and their claims, for tests of the claims' scripts."""

from collections.abc import Callable

from app.delivery.claims import Claim, Claims
from app.delivery.keys import UpdateOrigin

MakeClaims = Callable[..., Claims]


def origin(update_id: int = 1, chat: int = 1001, user: int = 1001) -> UpdateOrigin:
    return UpdateOrigin(update_id, chat, "private", user)


async def claimed(claims: Claims, of: UpdateOrigin) -> Claim:
    claim = await claims.claim(of, deadline=0)
    assert isinstance(claim, Claim), claim
    return claim
