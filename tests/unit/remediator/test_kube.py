"""Errors of the API server, told apart by what can be done about them."""

import aiohttp
import pytest
from kubernetes.aio import client

from remediator.kube import (
    BlockedError,
    ConflictError,
    KubeError,
    NotFoundError,
    RefusedError,
    UnavailableError,
    translated,
)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (404, NotFoundError),
        (409, ConflictError),
        (422, RefusedError),
        (403, RefusedError),
        (429, BlockedError),
        (401, UnavailableError),
        (500, UnavailableError),
        (503, UnavailableError),
    ],
)
async def test_status_decides_the_kind_of_error(status: int, kind: type[KubeError]) -> None:
    with pytest.raises(kind, match=f"evict pod a: {status} no") as caught:
        async with translated("evict pod a"):
            raise client.ApiException(status=status, reason="reason", body='{"message": "no"}')
    assert caught.value.status == status


@pytest.mark.parametrize(
    "error",
    [
        TimeoutError(),
        aiohttp.ServerDisconnectedError(),
        ConnectionRefusedError(),
        # The client's models and json refuse an answer so; it must not end the program at each restart.
        ValueError("Invalid value for `containers`, must not be `None`"),
    ],
)
async def test_no_answer_is_unavailable(error: Exception) -> None:
    with pytest.raises(UnavailableError, match=r"list pods: .+") as caught:
        async with translated("list pods"):
            raise error
    assert caught.value.status is None


@pytest.mark.parametrize("body", [None, "", "not JSON", "[]", '{"message": "' + "x" * 10_000 + '"}'])
async def test_message_is_short_whatever_the_body(body: str | None) -> None:
    with pytest.raises(RefusedError) as caught:
        async with translated("write"):
            raise client.ApiException(status=422, reason="Invalid", body=body)
    assert len(str(caught.value)) < 500
