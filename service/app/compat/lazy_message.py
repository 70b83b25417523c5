"""A sent message that is decoded at its first use.

Most handlers ignore the result of `sendMessage`, and decoding it costs more than sending the message.
"""

from typing import Any, Self

from aiogram import Bot
from aiogram.types import Message


class LazyMessage(Message):
    """Has `message_id`; the first access to any other field decodes the whole message."""

    @classmethod
    def of(cls, raw: dict[str, Any], bot: Bot) -> Self:
        """Wrap the `result` of a response. It must be a message; its fields are validated at their first use."""
        message = cls.__new__(cls)
        # What pydantic's `model_construct` sets, but without defaults, so that `__getattr__` sees missing fields.
        object.__setattr__(message, "__dict__", {"message_id": raw["message_id"]})
        object.__setattr__(message, "__pydantic_fields_set__", {"message_id"})
        object.__setattr__(message, "__pydantic_extra__", None)
        object.__setattr__(message, "__pydantic_private__", {"_bot": bot, "_raw": raw})
        return message

    _raw: dict[str, Any] | None = None

    def __getattr__(self, name: str) -> Any:
        """Decode; only called for fields that are not set yet."""
        if name in type(self).model_fields and self._raw is not None:
            whole = Message.model_validate(self._raw, context={"bot": self._bot})
            self._raw = None
            self.__dict__.update(whole.__dict__)
            return self.__dict__[name]
        return super().__getattr__(name)  # type: ignore[misc]  # pydantic hides it from type checkers
