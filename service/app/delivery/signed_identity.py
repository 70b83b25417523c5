"""Identities in Redis carry a signature, so that whoever can write to Redis grants nobody a role.

The key is derived from the bot's token, which every replica has. A release that does not sign reads signed identities
all the same, because models ignore fields that they do not know; an unsigned one counts as none, and the Auth Service
is asked.
"""

import hashlib
import hmac
from typing import Any

import orjson

_FIELD = "signature"


class IdentitySigner:
    """Signs and checks for one bot."""

    def __init__(self, bot_token: str) -> None:
        self._key = hashlib.sha256(b"bot-gateway identity:" + bot_token.encode()).digest()

    def sign(self, identity: dict[str, Any], user_id: int) -> bytes:
        """Return the JSON to store for a user."""
        return orjson.dumps({**identity, _FIELD: self._signature(identity, user_id)})

    def check(self, stored: bytes, user_id: int) -> dict[str, Any] | None:
        """Return the identity; None if it was not signed for this user."""
        try:
            identity: Any = orjson.loads(stored)
        except orjson.JSONDecodeError:
            return None
        if not isinstance(identity, dict):
            return None
        signature = identity.pop(_FIELD, None)
        expected = self._signature(identity, user_id)
        return identity if isinstance(signature, str) and hmac.compare_digest(signature, expected) else None

    def _signature(self, identity: dict[str, Any], user_id: int) -> str:
        # The user's id is signed too: another user's identity must not be copied.
        text = orjson.dumps([user_id, identity], option=orjson.OPT_SORT_KEYS)
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()
