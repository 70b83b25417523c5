"""What the four typed clients have in common: ask, and read the answer as a model."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from app.backends.call import Call
from app.backends.client import BackendClient

M = TypeVar("M", bound=BaseModel)


class BackendService:
    """Typed methods over one `BackendClient`."""

    def __init__(self, client: BackendClient) -> None:
        self.client = client

    async def _ask(self, call: Call, answer: type[M]) -> M:
        body = await self.client.send(call)
        try:
            return answer.model_validate_json(body)
        except ValidationError as error:
            raise self.client.invalid_response() from error
