"""Clients of Alertmanager and Prometheus: what they say now, or that they cannot be asked.

An answer that cannot be had is never read as an empty one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

import aiohttp
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from remediator.intake.payload import Received, parse_polled

ANSWER_LIMIT_BYTES = 16 * 1024 * 1024
TIMEOUT_SECONDS = 5.0


class SourceError(Exception):
    """Alertmanager or Prometheus cannot be asked, or answers what cannot be understood."""


class Alertmanager:
    """Reads all alerts of one Alertmanager."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._url = f"{base_url.rstrip('/')}/api/v2/alerts"

    async def alerts(self) -> list[Received]:
        """Return every alert it holds, the silenced and inhibited ones too.

        No filter is asked for: an alert that is silenced would vanish from a filtered list and look resolved.

        Raises:
            SourceError: when there is no usable answer.
        """
        body = await _get(self._session, self._url, {})
        try:
            return parse_polled(body)
        except ValidationError as error:
            raise SourceError(f"{self._url}: not a list of alerts ({error.error_count()} problems)") from error


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of an instant query with its value."""

    labels: dict[str, str]
    value: float


class _Series(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    metric: dict[str, str]
    value: tuple[float, float]


class _Data(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    result: list[_Series]


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    status: Annotated[str, Field(pattern="^success$")]
    data: _Data


class Prometheus:
    """Asks one Prometheus instant queries."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._url = f"{base_url.rstrip('/')}/api/v1/query"

    async def query(self, expression: str, at: datetime | None = None) -> list[Sample]:
        """Return the series that the expression yields; none is an answer too.

        Raises:
            SourceError: when there is no usable answer.
        """
        parameters = {"query": expression}
        if at is not None:
            parameters["time"] = at.astimezone(UTC).isoformat()
        body = await _get(self._session, self._url, parameters)
        try:
            answer = _Answer.model_validate_json(body)
        except ValidationError as error:
            raise SourceError(f"{self._url}: not the answer to a query") from error
        return [Sample(series.metric, series.value[1]) for series in answer.data.result]


async def _get(session: aiohttp.ClientSession, url: str, parameters: dict[str, str]) -> bytes:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    try:
        async with session.get(url, params=parameters, timeout=timeout, allow_redirects=False) as response:
            body = await response.content.read(ANSWER_LIMIT_BYTES + 1)
            while len(body) <= ANSWER_LIMIT_BYTES and not response.content.at_eof():
                body += await response.content.read(ANSWER_LIMIT_BYTES + 1 - len(body))
            if response.status != 200:
                raise SourceError(f"{url}: {response.status}")
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise SourceError(f"{url}: {error or type(error).__name__}") from error
    if len(body) > ANSWER_LIMIT_BYTES:
        raise SourceError(f"{url}: the answer is larger than {ANSWER_LIMIT_BYTES} bytes")
    return body
