"""One colour for one meaning on every dashboard.

Green, yellow, orange and red say how well something is and are used for nothing else. Identities (a backend, a role,
a percentile) take their colours from outside that range, so that a red line is always trouble.
"""

OK = "green"
NOTICE = "yellow"
WARNING = "orange"
CRITICAL = "red"
NEUTRAL = "#8E8E8E"
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
OUTCOMES = {
    "handled": OK,
    "duplicate": "#8AB8FF",
    "busy": "#B877D9",
    "draining": NEUTRAL,
    "unauthorized": NEUTRAL,
    "invalid": NOTICE,
    "too_large": NOTICE,
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
"""HTTP statuses at the end of a series' name; `error` got no answer."""
