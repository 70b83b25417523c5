"""What a fault is: a name, what it stands for, and the story of how it is made from outside and undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from game_day.scene import Scene


@dataclass(frozen=True)
class Fault:
    """One fault; `seconds` is about how long its story takes, for planning."""

    name: str
    title: str
    how: str
    seconds: int
    story: Callable[[Scene], None]
