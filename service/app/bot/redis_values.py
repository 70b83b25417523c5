"""Values from redis-py, which are bytes or text depending on the options of the client."""


def as_text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
