"""Reading what redis-py returns, which is bytes or text depending on how the client was made."""


def as_text(value: bytes | str) -> str:
    """The value as text."""
    return value.decode() if isinstance(value, bytes) else value
