"""The gateway without any server of its own; tests with Redis are in tests/integration/gateway."""

from collections.abc import Callable

import pytest

from app.core.settings import Settings
from support.gateway_fixtures import UNREACHABLE, sample, settings_with

__all__ = ["sample"]


@pytest.fixture
def make_settings() -> Callable[..., Settings]:
    return settings_with(UNREACHABLE)
