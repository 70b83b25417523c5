"""Times of the timeline of a describe, printed as they happen and again as a table at its end."""

from __future__ import annotations

import time
from dataclasses import dataclass, field


@dataclass
class Timeline:
    """Seconds since the start of the scenario at which each step was first seen."""

    title: str
    started: float = field(default_factory=time.monotonic)
    seen: dict[str, float] = field(default_factory=dict)

    def mark(self, stage: str, note: str = "") -> None:
        """Record `stage` as seen now."""
        seconds = time.monotonic() - self.started
        self.seen[stage] = seconds
        print(f"  {self.title} | {seconds:7.1f} s | {stage}{f' ({note})' if note else ''}", flush=True)
