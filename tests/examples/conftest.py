"""The bot under test, for the example handler."""

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from support.bot_conversation import backends, logged, services, settings, user

__all__ = ["backends", "logged", "redis", "services", "settings", "user"]


@pytest.fixture
def redis() -> Redis:
    """A Redis that refuses every connection: nothing listens on port 1. The handler does not use it."""
    return Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0))
