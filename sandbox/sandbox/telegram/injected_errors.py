"""Injects documented errors into Bot API calls, chosen by method, chat and count, for tests and the demo page."""

import itertools
import random
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, Field, field_validator

from sandbox.telegram.errors import BotApiError
from sandbox.telegram.known_errors import KNOWN_ERRORS, KnownError, known_error

DEFAULT_RETRY_AFTER = 3


class ErrorSpec(BaseModel):
    """Which errors to inject into which calls; of several ``errors`` one is picked at random for each call.

    ``method`` and ``chat_id`` limit the calls, None is any. ``count`` is how many calls fail, None all. ``ratio`` is
    the share of matching calls that fail.
    """

    errors: list[str] = Field(min_length=1)
    method: str | None = None
    chat_id: int | None = None
    count: int | None = Field(None, ge=1)
    ratio: float = Field(1.0, gt=0, le=1)
    retry_after: int = Field(DEFAULT_RETRY_AFTER, ge=1, le=3600)
    migrate_to_chat_id: int | None = None

    @field_validator("errors")
    @classmethod
    def _check_known(cls, errors: list[str]) -> list[str]:
        unknown = sorted(set(errors) - set(KNOWN_ERRORS))
        if unknown:
            raise ValueError(f"unknown errors {', '.join(unknown)}; known are {', '.join(KNOWN_ERRORS)}")
        return errors


class InjectedError(ErrorSpec):
    """An active specification; ``hits`` counts the calls it failed."""

    id: str
    hits: int = 0


class Injection:
    """One error for one call."""

    def __init__(self, name: str, spec: ErrorSpec) -> None:
        self.known: KnownError = KNOWN_ERRORS[name]
        self._name = name
        self._spec = spec

    def as_error(self) -> BotApiError:
        """Build the response, with the parameters that Telegram sends with this error."""
        parameters: dict[str, Any] = {}
        if self.known.code == 429:
            parameters["retry_after"] = self._spec.retry_after
        if self._name == "migrated" and self._spec.migrate_to_chat_id is not None:
            parameters["migrate_to_chat_id"] = self._spec.migrate_to_chat_id
        return known_error(self._name, **parameters)


class ErrorRegistry:
    """The active specifications; the oldest that matches a call decides."""

    def __init__(
        self, chance: Callable[[], float] = random.random, pick: Callable[[list[str]], str] = random.choice
    ) -> None:
        self._chance = chance
        self._pick = pick
        self._active: dict[str, InjectedError] = {}
        self._numbers = itertools.count(1)

    def add(self, spec: ErrorSpec) -> InjectedError:
        """Activate a specification."""
        injected = InjectedError(id=f"e{next(self._numbers)}", **spec.model_dump())
        self._active[injected.id] = injected
        return injected

    def all(self) -> list[InjectedError]:
        """Return the active specifications, oldest first."""
        return list(self._active.values())

    def remove(self, error_id: str) -> bool:
        """Remove one; return whether it was active."""
        return self._active.pop(error_id, None) is not None

    def clear(self) -> int:
        """Remove all; return how many there were."""
        count = len(self._active)
        self._active.clear()
        return count

    def take(self, method: str, chat_id: int | None) -> Injection | None:
        """Return the error for this call, and count it."""
        for injected in self._active.values():
            if injected.method not in (None, method) or injected.chat_id not in (None, chat_id):
                continue
            if injected.ratio < 1 and self._chance() >= injected.ratio:
                continue
            injected.hits += 1
            if injected.count is not None:
                injected.count -= 1
                if injected.count == 0:
                    del self._active[injected.id]
            return Injection(self._pick(injected.errors), injected)
        return None
