"""The bot without a Redis server: what needs one is tested in tests/integration/gateway/bot."""

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from support.bot_conversation import backends, logged, moved, services, settings, user

__all__ = ["backends", "logged", "moved", "redis", "services", "settings", "user"]


@pytest.fixture
def redis() -> Redis:
    """A Redis that refuses every connection: nothing listens on port 1."""
    return Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
