"""Callback queries and the bot's responses to them."""

from collections.abc import Callable
from dataclasses import dataclass

from sandbox.telegram.errors import bad_request
from sandbox.telegram.markup import CALLBACK_ANSWER_LIMIT

ANSWERABLE_SECONDS = 150.0
QUERIES_KEPT = 10_000


@dataclass(slots=True)
class CallbackQuery:
    """One press of an inline button; ``answer_text`` is the text of answerCallbackQuery."""

    id: str
    user_id: int
    chat_id: int
    data: str
    created: float
    answered: bool = False
    answer_text: str = ""


class CallbackQueries:
    """The latest callback queries by id."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._queries: dict[str, CallbackQuery] = {}
        self._count = 0

    def new(self, user_id: int, chat_id: int, data: str) -> CallbackQuery:
        self._count += 1
        query = CallbackQuery(f"{user_id}{self._count:08d}", user_id, chat_id, data, self._clock())
        self._queries[query.id] = query
        if len(self._queries) > QUERIES_KEPT:
            del self._queries[next(iter(self._queries))]
        return query

    def find(self, query_id: str) -> CallbackQuery | None:
        return self._queries.get(query_id)

    def all(self) -> list[CallbackQuery]:
        """Return the latest queries, oldest first."""
        return list(self._queries.values())

    def answer(self, query_id: str, text: str) -> CallbackQuery:
        """Record an answerCallbackQuery.

        Raises:
            BotApiError: unknown, older than 150 s, or the text is too long.
        """
        if len(text) > CALLBACK_ANSWER_LIMIT:
            raise bad_request("MESSAGE_TOO_LONG")
        query = self._queries.get(query_id)
        if query is None or self._clock() - query.created > ANSWERABLE_SECONDS:
            raise bad_request("query is too old and response timeout expired or query ID is invalid")
        query.answered, query.answer_text = True, text
        return query
