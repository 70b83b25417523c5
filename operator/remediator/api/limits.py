"""Limits that the design sets: what keeps a status small, and times that no policy may shorten."""

from datetime import timedelta
from typing import Final

MAX_ALERTS: Final = 50
MAX_DECISIONS: Final = 50
MAX_PODS_OF_A_STEP: Final = 50
MAX_STEPS_RECORDED: Final = 20
MAX_STEPS: Final = 9
"""Of an escalation: with as many reverts that is 18 entries, of the 20 that a status keeps."""

SETTLING: Final = timedelta(seconds=45)
"""Scrape + evaluation + poll: how long it takes until every alert of one incident has come."""
MIN_STABLE: Final = timedelta(minutes=3)
"""The least ``stableFor``: a fresh pod's breaker starts closed, so a shorter one would call every restart a success."""
