"""The names for decoded JSON."""

from typing import Any, TypeAlias

JsonObject: TypeAlias = dict[str, Any]
