"""Series in promtool's notation, built from pieces of constant rate or value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from rules.promtool import INTERVAL


@dataclass(frozen=True)
class Pace:
    """The rate of a counter per second, for a number of seconds."""

    per_second: float
    seconds: int


def counter(*paces: Pace, interval: int = INTERVAL) -> str:
    """A counter that starts at zero and grows at each pace in turn, without a reset."""
    pieces = []
    value = Fraction(0)
    for pace in paces:
        step = Fraction(str(pace.per_second)) * interval
        samples = pace.seconds // interval
        pieces.append(f"{float(value)}+{float(step)}x{samples - 1}")
        value += step * samples
    return " ".join(pieces)


def steady(per_second: float, seconds: int) -> str:
    """A counter that starts at zero and grows at one rate."""
    return counter(Pace(per_second, seconds))


def level(*values_and_seconds: tuple[float | str, int]) -> str:
    """A gauge that keeps each value for a number of seconds; `_` is a missing sample, `stale` the end of the series."""
    return " ".join(_piece(value, seconds // INTERVAL) for value, seconds in values_and_seconds)


def _piece(value: float | str, samples: int) -> str:
    if value == "stale":
        return "stale" + (f" _x{samples - 1}" if samples > 1 else "")
    if value == "_":
        return f"_x{samples}"
    return f"{value}x{samples - 1}"


def histogram(name_and_labels: str, bounds: Sequence[str], *phases: tuple[str, float, int]) -> dict[str, str]:
    """Bucket series of a histogram whose observations fall into one bucket per phase.

    A phase is (upper bound of the bucket, observations per second, seconds). `name_and_labels` has no closing brace.
    """
    series: dict[str, str] = {}
    for index, bound in enumerate(bounds):
        paces = [Pace(rate if index >= bounds.index(upper) else 0, seconds) for upper, rate, seconds in phases]
        series[f'{name_and_labels},le="{bound}"}}'] = counter(*paces)
    return series
