"""The errors of a backend call."""

from enum import StrEnum


class ErrorType(StrEnum):
    """Why there is no usable response; the closed set of `service_errors_total{error_type}`."""

    TIMEOUT = "timeout"
    CONNECTION = "connection"
    SERVER_ERROR = "server_error"
    CIRCUIT_OPEN = "circuit_open"
    BULKHEAD_FULL = "bulkhead_full"
    DEADLINE = "deadline"
    INVALID_RESPONSE = "invalid_response"


class BackendError(Exception):
    """A backend call that did not succeed."""

    def __init__(self, service_name: str, reason: str) -> None:
        super().__init__(f"{service_name}: {reason}")
        self.service_name = service_name


class BackendUnavailableError(BackendError):
    """No usable response: the backend is down, too slow or broken, or the breaker or bulkhead protects it."""

    def __init__(self, service_name: str, error_type: ErrorType, *, retriable: bool = False) -> None:
        super().__init__(service_name, error_type)
        self.error_type = error_type
        self.retriable = retriable


class BackendRefusedError(BackendError):
    """A 4xx response: the backend works and refuses the request. `code` is its snake_case reason."""

    def __init__(self, service_name: str, status: int, code: str) -> None:
        super().__init__(service_name, f"refused with {status} {code}")
        self.status = status
        self.code = code
