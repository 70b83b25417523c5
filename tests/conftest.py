"""For all tests: property tests that no machine is too slow for, and a last word on what did not run."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings

pytest.register_assert_rewrite("support")  # before it is imported: its assertions then show their values

from support.not_run import NotRun  # noqa: E402

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


def pytest_configure(config: pytest.Config) -> None:
    """Add the last word."""
    config.pluginmanager.register(NotRun(config), "not-run")
