"""Limits that the design sets: what keeps a status small, and times that no policy may shorten."""

from datetime import timedelta
from typing import Final

MAX_ALERTS: Final = 50
MAX_DECISIONS: Final = 50
MAX_PODS_OF_A_STEP: Final = 50
MAX_STEPS_RECORDED: Final = 20
MAX_STEPS: Final = 9
"""Of an escalation: with as many reverts that is 18 entries, of the 20 that a status keeps."""

MAX_NAMES: Final = 100
"""Pod names that a status remembers: more than any target that an incident can be judged on by share."""

CLEARED_WINDOW: Final = timedelta(minutes=2)
"""Without evaluation times: an alert counts as cleared after this long. Prometheus sends a firing alert again every
minute (``--rules.alert.resend-delay``), so an Alertmanager that restarted has it again after one evaluation more."""
RESOLVE_TIMEOUT: Final = timedelta(minutes=5)
"""Alertmanager's default ``resolve_timeout``: an Alertmanager that is younger may lack alerts that still fire."""

REPLACEMENT_SCRAPE_LIMIT: Final = timedelta(minutes=5)
"""How long a replacement's first scrape is waited for: service discovery and one scrape take about a minute."""
SAMPLE_AGE_LIMIT: Final = timedelta(minutes=2)
"""A sample that is older says nothing about now. Prometheus itself shows samples for five minutes, also those of a
pod that it does not reach any more, and after a crash, which writes no stale markers, those of alerts."""

SETTLING: Final = timedelta(seconds=45)
"""Scrape + evaluation + poll: how long it takes until every alert of one incident has come."""
MIN_STABLE: Final = timedelta(minutes=3)
"""The least ``stableFor``: a fresh pod's breaker starts closed, so a shorter one would call every restart a success."""
