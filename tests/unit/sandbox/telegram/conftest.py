"""The Bot API of one simulator over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from sandbox.faults import FaultRegistry
from sandbox.telegram.api import BotApi
from sandbox.telegram.users import Users

TOKEN = "42:TOKEN"


class Api:
    """Calls methods by name; an error is returned as its response body."""

    def __init__(self, client: TestClient) -> None:
        self.client = client

    async def __call__(self, method: str, **arguments: Any) -> Any:
        async with self.client.post(f"/bot{TOKEN}/{method}", json=arguments) as response:
            body = await response.json()
            assert response.status == (200 if body["ok"] else body["error_code"])
            return body.get("result", body)


@pytest.fixture
def faults() -> FaultRegistry:
    return FaultRegistry()


@pytest.fixture
async def api(simulator, faults) -> AsyncIterator[Api]:
    async with TestClient(TestServer(BotApi(simulator, TOKEN).application(faults))) as client:
        yield Api(client)


@pytest.fixture
def users(simulator) -> Users:
    return Users(simulator)
