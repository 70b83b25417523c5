"""The closed sets of the gateway, each defined once.

Labels of metrics (`metric_labels`), the backends' models and the delivery of updates use these.
"""

from enum import StrEnum


class Role(StrEnum):
    """The role of a company user, from the fewest permissions to the most."""

    APPLICANT = "applicant"
    EXECUTOR = "executor"
    MANAGER = "manager"
    ADMIN = "admin"


STAFF_ROLES = frozenset(Role) - {Role.APPLICANT}
"""Everyone who works for the company."""


class Backend(StrEnum):
    """The backend services; the values of the label `service_name`."""

    AUTH = "auth"
    REQUEST = "request"
    USER = "user"
    SHIFT = "shift"


class Category(StrEnum):
    PLUMBING = "plumbing"
    ELECTRICITY = "electricity"
    HEATING = "heating"
    ELEVATOR = "elevator"
    CLEANING = "cleaning"
    OTHER = "other"


class RequestStatus(StrEnum):
    NEW = "new"
    ASSIGNED = "assigned"
    IN_PROGRESS = "in_progress"
    DONE = "done"
    CANCELLED = "cancelled"


class Specialization(StrEnum):
    """A trade that an executor has and that a shift needs."""

    PLUMBER = "plumber"
    ELECTRICIAN = "electrician"
    HEATING = "heating"
    ELEVATOR = "elevator"
    CLEANER = "cleaner"
    UNIVERSAL = "universal"


class Outcome(StrEnum):
    """How one delivery ended; the values of `webhook_requests_total{outcome}`."""

    HANDLED = "handled"
    DEGRADED = "degraded"
    """Handled, but the user got an error message because a backend was unavailable."""
    DUPLICATE = "duplicate"
    FAILED = "failed"
    INVALID = "invalid"
    UNAUTHORIZED = "unauthorized"
    TOO_LARGE = "too_large"
    UNSUPPORTED = "unsupported"
    TIMED_OUT = "timed_out"
    UNAVAILABLE = "unavailable"
    BUSY = "busy"
    OVERLOADED = "overloaded"
    DRAINING = "draining"


class DeadLetterReason(StrEnum):
    """Why an update became a dead letter; the values of `dead_letters_total{reason}`."""

    INVALID_JSON = "invalid_json"
    INVALID_UPDATE = "invalid_update"
    TOO_LARGE = "too_large"
    HANDLER_FAILED = "handler_failed"
