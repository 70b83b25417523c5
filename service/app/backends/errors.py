"""What can come of a backend call besides an answer."""

from enum import StrEnum


class ErrorType(StrEnum):
    """Why a backend gave no usable answer; the closed set of `service_errors_total{error_type}`."""

    TIMEOUT = "timeout"
    CONNECTION = "connection"
    SERVER_ERROR = "server_error"
    CIRCUIT_OPEN = "circuit_open"
    BULKHEAD_FULL = "bulkhead_full"
    DEADLINE = "deadline"
    INVALID_RESPONSE = "invalid_response"


class BackendError(Exception):
    """A backend call did not end in the answer that was asked for."""

    def __init__(self, service_name: str, reason: str) -> None:
        super().__init__(f"{service_name}: {reason}")
        self.service_name = service_name


class BackendUnavailableError(BackendError):
    """No usable answer: the backend is down, too slow, broken, or protected from our calls."""

    def __init__(self, service_name: str, error_type: ErrorType, *, retriable: bool = False) -> None:
        super().__init__(service_name, error_type)
        self.error_type = error_type
        self.retriable = retriable


class BackendRefusedError(BackendError):
    """A 4xx answer: the backend works and says no. `code` is the backend's own snake_case word for why."""

    def __init__(self, service_name: str, status: int, code: str) -> None:
        super().__init__(service_name, f"refused with {status} {code}")
        self.status = status
        self.code = code
