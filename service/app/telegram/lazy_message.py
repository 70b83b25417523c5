"""A sent message that is decoded only as far as a handler looks.

Most handlers never look at what `sendMessage` returns, and decoding it in full costs more than sending it.
"""

from typing import Any, Self

from aiogram import Bot
from aiogram.types import Message


class LazyMessage(Message):
    """Knows `message_id` at once; any other field decodes the whole answer at its first use."""

    @classmethod
    def of(cls, raw: dict[str, Any], bot: Bot) -> Self:
        """Wrap the `result` of an answer. It must be a message; nothing else is checked before its first use."""
        message = cls.__new__(cls)
        # What pydantic's own `model_construct` sets, without filling in defaults, so that a missing field is noticed.
        object.__setattr__(message, "__dict__", {"message_id": raw["message_id"]})
        object.__setattr__(message, "__pydantic_fields_set__", {"message_id"})
        object.__setattr__(message, "__pydantic_extra__", None)
        object.__setattr__(message, "__pydantic_private__", {"_bot": bot, "_raw": raw})
        return message

    _raw: dict[str, Any] | None = None

    def __getattr__(self, name: str) -> Any:
        """Called for fields that are not there yet."""
        if name in type(self).model_fields and self._raw is not None:
            whole = Message.model_validate(self._raw, context={"bot": self._bot})
            self._raw = None
            self.__dict__.update(whole.__dict__)
            return self.__dict__[name]
        return super().__getattr__(name)  # type: ignore[misc]  # pydantic hides it from type checkers
