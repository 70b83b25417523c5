"""Error responses of the backends: ``{"error": {"code": ..., "message": ...}}``."""

from sandbox.jsontypes import JsonObject


class ApiError(Exception):
    """Refuses a call with a 4xx; ``code`` is for programs, the message for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message

    def body(self) -> JsonObject:
        return error_body(self.code, self.message)


def error_body(code: str, message: str) -> JsonObject:
    return {"error": {"code": code, "message": message}}


def not_found(what: str) -> ApiError:
    return ApiError(404, f"unknown_{what}", f"no such {what}")


def forbidden(message: str) -> ApiError:
    return ApiError(403, "forbidden", message)


def conflict(code: str, message: str) -> ApiError:
    return ApiError(409, code, message)
