"""One colour for one meaning on every dashboard.

Green, yellow, orange and red express health and nothing else. Identities (a backend, a role, a percentile) have other
colours, so that a red line always means a failure. Series with unknown names get shades of blue, because Grafana's own
palette contains red and green.
"""

import colorsys
from collections.abc import Mapping

OK = "green"
NOTICE = "yellow"
WARNING = "orange"
CRITICAL = "red"
NEUTRAL = "#8E8E8E"
UNKNOWN = "#6E6E6E"
PLAIN = "#5794F2"

SERVICES = {"auth": "#5794F2", "request": "#B877D9", "user": "#2BB5A8", "shift": "#F28FB1"}
ROLES = {
    "applicant": "#64B0C8",
    "executor": "#A9B0FF",
    "manager": "#D4A373",
    "admin": "#FF9BE0",
    "unknown": NEUTRAL,
    "other": NEUTRAL,
}
PERCENTILES = {"p50": "#A6C8FF", "p95": "#3274D9", "p99": "#8F5BD0"}
MEMORY = {"rss": "#3274D9", "heap": "#8AB8FF", "external": "#B877D9"}
SERVICE_ERRORS = {
    "timeout": "#5794F2",
    "connection": "#B877D9",
    "server_error": "#F28FB1",
    "deadline": "#2BB5A8",
    "invalid_response": "#C4A484",
    "circuit_open": NEUTRAL,
    "bulkhead_full": "#BDBDBD",
    "other": "#6ED0E0",
}
"""Kinds of backend errors; the greys are consequences of the others."""

OUTCOMES = {
    "handled": OK,
    "degraded": WARNING,
    "duplicate": "#8AB8FF",
    "busy": "#B877D9",
    "draining": NEUTRAL,
    "unauthorized": NEUTRAL,
    "invalid": NOTICE,
    "too_large": NOTICE,
    "unsupported": NOTICE,
    "timed_out": NOTICE,
    "overloaded": WARNING,
    "unavailable": WARNING,
    "failed": CRITICAL,
}
RESULTS = {"success": OK, "stale": NOTICE, "failure": CRITICAL, "error": CRITICAL}
STATUS_PATTERNS = {
    "/(^| )2..$/": OK,
    "/(^| )3..$/": "#8AB8FF",
    "/(^| )4..$/": NOTICE,
    "/(^| )(5..|error)$/": CRITICAL,
}
"""HTTP statuses at the end of a series name; `error` means that there was no response."""

_HUES = ("#5794F2", "#B877D9", "#2BB5A8", "#F28FB1", "#C4A484", "#6ED0E0", "#7C5FB8", "#E0B8D8", "#8AB8FF", NEUTRAL)


def identities(*names: str) -> Mapping[str, str]:
    """Different colours for up to ten names of one panel."""
    return dict(zip(names, _HUES, strict=False))


_POD_SUFFIXES = "bcdfghjklmnpqrstvwxz2456789"
"""The characters that Kubernetes uses in the random suffix of pod names."""

_LIGHTNESS = (0.5, 0.66, 0.82)


def _cold(number: int) -> str:
    """One of 27 colours between teal and pink."""
    hue, lightness = 172 + 18 * (number % 9), _LIGHTNESS[number // 9]
    channels = colorsys.hls_to_rgb(hue / 360, lightness, 0.6)
    return "#" + "".join(f"{round(255 * channel):02X}" for channel in channels)


POD_PATTERNS = {f"/{suffix}$/": _cold(number) for number, suffix in enumerate(_POD_SUFFIXES)}
"""A pod's colour by the last character of its name, so that it is the same in every panel although names are random."""
