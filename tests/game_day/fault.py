"""A fault: its name, its description, and the function that injects and removes it from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from game_day.scenario import Scenario


@dataclass(frozen=True)
class Fault:
    """One fault; `seconds` is about how long `inject` takes, for planning."""

    name: str
    title: str
    how: str
    seconds: int
    inject: Callable[[Scenario], None]
    replicas: int = 2
    """Replicas of the gateway; the product's default is 2. A replica is an outlier only among three or more."""
