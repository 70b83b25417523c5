"""A dead-letter queue in memory, for tests of what is stored and why."""

from app.delivery.dead_letters import DeadLetter, DeadLetterReason, DeadLetters


class StoredLetters(DeadLetters):
    """Stores, lists and counts as tests/integration/gateway/delivery/test_dead_letters.py shows of the real one."""

    def __init__(self) -> None:
        self.stored: list[DeadLetter] = []

    async def add(self, body: bytes, reason: DeadLetterReason, *, chat_id: int | None = None) -> bool:
        self.stored.append(DeadLetter(f"{len(self.stored) + 1}-0", str(reason), "", body))
        return True

    async def list(self, count: int) -> list[DeadLetter]:
        return self.stored[::-1][:count]

    async def count_or_nan(self) -> float:
        return len(self.stored)
