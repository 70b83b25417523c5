"""Clients of Alertmanager and Prometheus: what they say now, or that they cannot be asked.

An answer that cannot be had is never read as an empty one.
"""

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlsplit

import aiohttp
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from remediator.decide.observed import Evaluation
from remediator.intake.payload import Received, parse_muted, parse_polled

ANSWER_LIMIT_BYTES = 16 * 1024 * 1024
TIMEOUT_SECONDS = 5.0
MAX_RETRY_AFTER_SECONDS = 300.0


class SourceError(Exception):
    """Alertmanager or Prometheus cannot be asked, or answers what cannot be understood.

    ``retry_after`` is the pause in seconds that it asks for, or 0.
    """

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


@dataclass(frozen=True, slots=True)
class Polled:
    """What Alertmanager says now."""

    alerts: list[Received]
    malformed: int = 0
    started_at: datetime | None = None
    """When this Alertmanager started; ``None`` where it does not say."""
    muted: frozenset[str] | None = None
    """Fingerprints that a time interval mutes for the operator's receiver; ``None`` where that is not known."""
    complete: bool = True
    """Whether every replica answered."""


class _Status(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    uptime: AwareDatetime | None = None


class Alertmanager:
    """Reads one namespace's alerts, and the Watchdog, of one Alertmanager.

    Alerts of other namespaces are not asked for: there may be tens of thousands. The filter is by label only, since an
    alert that is silenced would vanish from a list that is filtered by state, and look resolved.
    """

    def __init__(self, session: aiohttp.ClientSession, base_url: str, namespace: str) -> None:
        self._session = session
        self._url = f"{base_url.rstrip('/')}/api/v2"
        self._filter = f'namespace=~"{namespace}|"'

    async def poll(self, receiver: str = "") -> Polled:
        """Return the alerts, the silenced and inhibited ones too, and whether the receiver's route is muted.

        Raises:
            SourceError: when there is no usable answer.
        """
        alerts, watchdog, status = await asyncio.gather(
            self._alerts(self._filter), self._alerts('alertname="Watchdog"'), self._get("/status", {})
        )
        muted = await self._muted(receiver) if receiver else None
        try:
            started_at = _Status.model_validate_json(status).uptime
        except ValidationError:
            started_at = None
        found = {alert.fingerprint: alert for alert in (*watchdog[0], *alerts[0])}
        return Polled(list(found.values()), alerts[1] + watchdog[1], started_at, muted)

    async def _alerts(self, matcher: str) -> tuple[list[Received], int]:
        body = await self._get("/alerts", {"filter": matcher})
        try:
            return parse_polled(body)
        except ValidationError as error:
            raise SourceError(f"{_without_credentials(self._url)}/alerts: not a list of alerts") from error

    async def _muted(self, receiver: str) -> frozenset[str] | None:
        parameters = {"receiver": f"^{re.escape(receiver)}$", "filter": self._filter}
        body = await self._get("/alerts/groups", parameters)
        try:
            return parse_muted(body)
        except ValidationError:
            return None

    async def _get(self, path: str, parameters: dict[str, str]) -> bytes:
        return await _get(self._session, f"{self._url}{path}", parameters)


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
    warnings: list[str] = Field(default_factory=list)


class _Rule(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    name: str = ""


class _RuleGroup(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    interval: float
    lastEvaluation: AwareDatetime  # noqa: N815 - Prometheus' name
    rules: list[_Rule]


class _RuleGroups(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    groups: list[_RuleGroup]


class _RulesAnswer(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    status: Annotated[str, Field(pattern="^success$")]
    data: _RuleGroups


class Prometheus:
    """Asks one Prometheus instant queries."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._url = f"{base_url.rstrip('/')}/api/v1"

    async def query(self, expression: str) -> list[Sample]:
        """Return the series that the expression yields; none is an answer too.

        An answer with warnings may lack series (a Thanos store that is down), so it is no answer.

        Raises:
            SourceError: when there is no usable answer.
        """
        url = f"{self._url}/query"
        body = await _get(self._session, url, {"query": expression, "partial_response": "false"})
        try:
            answer = _Answer.model_validate_json(body)
        except ValidationError as error:
            raise SourceError(f"{_without_credentials(url)}: not the answer to a query") from error
        if answer.warnings:
            raise SourceError(f"{_without_credentials(url)}: the answer may be incomplete: {answer.warnings[0]:.200}")
        return [Sample(series.metric, series.value[1]) for series in answer.data.result]

    async def evaluations(self) -> dict[str, Evaluation]:
        """Return the oldest last evaluation of each alerting rule, by the alert's name.

        Raises:
            SourceError: when there is no usable answer.
        """
        url = f"{self._url}/rules"
        body = await _get(self._session, url, {"type": "alert", "exclude_alerts": "true"})
        try:
            groups = _RulesAnswer.model_validate_json(body).data.groups
        except ValidationError as error:
            raise SourceError(f"{_without_credentials(url)}: not a list of rules") from error
        found: dict[str, Evaluation] = {}
        for group in groups:
            evaluation = Evaluation(group.lastEvaluation, timedelta(seconds=group.interval))
            for rule in group.rules:
                known = found.get(rule.name)
                if known is None or evaluation.at < known.at:
                    found[rule.name] = evaluation
        return found


async def _get(session: aiohttp.ClientSession, url: str, parameters: dict[str, str]) -> bytes:
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    shown = _without_credentials(url)
    try:
        async with session.get(url, params=parameters, timeout=timeout, allow_redirects=False) as response:
            body = await response.content.read(ANSWER_LIMIT_BYTES + 1)
            while len(body) <= ANSWER_LIMIT_BYTES and not response.content.at_eof():
                body += await response.content.read(ANSWER_LIMIT_BYTES + 1 - len(body))
            if response.status != 200:
                raise SourceError(f"{shown}: {response.status}", _retry_after(response.headers.get("Retry-After", "")))
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise SourceError(f"{shown}: {error or type(error).__name__}") from error
    if len(body) > ANSWER_LIMIT_BYTES:
        raise SourceError(f"{shown}: the answer is larger than {ANSWER_LIMIT_BYTES} bytes")
    return body


def _without_credentials(url: str) -> str:
    """Return the URL for a message: user and password of basic authentication are secrets."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def _retry_after(value: str) -> float:
    """Return the pause of a Retry-After header in seconds; a date, which no Prometheus sends, counts as none."""
    return min(float(value), MAX_RETRY_AFTER_SECONDS) if value.isascii() and value.isdigit() else 0.0
