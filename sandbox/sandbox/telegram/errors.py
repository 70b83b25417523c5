"""Errors in the Bot API's format."""

from typing import Any

from sandbox.jsontypes import JsonObject


class BotApiError(Exception):
    """A method fails with ``{"ok": false, "error_code": ..., "description": ...}``."""

    def __init__(self, code: int, description: str, parameters: JsonObject | None = None) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def body(self) -> dict[str, Any]:
        """Return the response body."""
        body: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            body["parameters"] = self.parameters
        return body


def bad_request(description: str) -> BotApiError:
    """Build a 400 with Telegram's prefix."""
    return BotApiError(400, f"Bad Request: {description}")


def too_many_requests(retry_after: int) -> BotApiError:
    """Build a 429; ``retry_after`` is in seconds."""
    return BotApiError(429, f"Too Many Requests: retry after {retry_after}", {"retry_after": retry_after})
