"""The events of an incident with their times, printed as they happen."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Timeline:
    """Seconds from the start at which each event was first seen."""

    title: str
    started: float = field(default_factory=time.monotonic)
    seen: dict[str, float] = field(default_factory=dict)

    def mark(self, event: str, note: str = "") -> None:
        """Record that `event` happens now."""
        seconds = time.monotonic() - self.started
        self.seen[event] = seconds
        print(f"  {self.title} | {seconds:7.1f} s | {event}{f' ({note})' if note else ''}", flush=True)
