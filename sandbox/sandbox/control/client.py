"""HTTP client for the page: an unreachable server is a return value, not an exception."""

from collections.abc import Mapping

import aiohttp

from sandbox.jsontypes import JsonObject

TIMEOUT_SECONDS = 3.0


class Client:
    """One aiohttp session, opened with the first request. Call `close` at the end."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def text(self, url: str, query: Mapping[str, str] | None = None) -> str | None:
        """Return the body of a 2xx response; None otherwise."""
        try:
            async with self._open().get(url, params=query) as response:
                return await response.text() if response.ok else None
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None

    async def post(self, url: str, body: JsonObject, headers: Mapping[str, str]) -> int | None:
        """Return the response's status; None if there is no response."""
        try:
            async with self._open().post(url, json=body, headers=headers) as response:
                return response.status
        except (aiohttp.ClientError, OSError, TimeoutError):
            return None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_SECONDS))
        return self._session
