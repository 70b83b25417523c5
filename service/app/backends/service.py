"""The base of the four typed clients: send a call, validate the response as a model."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from app.backends.call import Call
from app.backends.client import BackendClient

M = TypeVar("M", bound=BaseModel)


class BackendService:
    """Typed methods over one `BackendClient`."""

    def __init__(self, client: BackendClient) -> None:
        self.client = client

    async def _request(self, call: Call, model: type[M]) -> M:
        body = await self.client.send(call)
        try:
            return model.model_validate_json(body)
        except ValidationError as error:
            raise self.client.invalid_response() from error
