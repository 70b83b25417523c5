"""Refusals of the backends: ``{"error": {"code": ..., "message": ...}}``."""

from sandbox.jsontypes import JsonObject


class ApiError(Exception):
    """A call is refused with a 4xx; ``code`` is for programs, the message for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> JsonObject:
        """Return the answer's body."""
        return error_body(self.code, self.message)


def error_body(code: str, message: str) -> JsonObject:
    """Return an error in the backends' form."""
    return {"error": {"code": code, "message": message}}


def not_found(what: str) -> ApiError:
    """Return a 404."""
    return ApiError(404, f"unknown_{what}", f"no such {what}")


def forbidden(message: str) -> ApiError:
    """Return a 403."""
    return ApiError(403, "forbidden", message)


def conflict(code: str, message: str) -> ApiError:
    """Return a 409."""
    return ApiError(409, code, message)
