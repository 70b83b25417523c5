"""Hearing of the notifications of one alert, and of no other's where that can be told."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from drill.kubectl import kubectl
from drill.monitoring import ALERT, Monitoring
from drill.routes import Receiver


class Ears:
    """What shows that somebody was told: the receivers' own logs, else Alertmanager's counters."""

    def __init__(self, monitoring: Monitoring, takers: list[Receiver], logs: list[str], namespace: str) -> None:
        self._monitoring = monitoring
        self._logs = logs
        self._namespace = namespace
        self._integrations = sorted({integration for taker in takers for integration in taker.integrations})
        self._sent, self._failed = Counter[str](), Counter[str]()
        self._since = datetime.now(UTC)

    @property
    def expected(self) -> set[str]:
        """What must be heard of: the named receivers, or the integrations."""
        return set(self._logs or self._integrations)

    async def listen(self) -> None:
        """Forget what was heard until now."""
        self._sent, self._failed = await self._monitoring.counters()
        self._since = datetime.now(UTC)

    async def told(self, status: str) -> set[str]:
        """Who was told that the alert is `firing` or `resolved` since `listen`."""
        if self._logs:
            return {target for target in self._logs if await self._log_tells(target, status)}
        sent, _ = await self._monitoring.counters()
        return {integration for integration in self._integrations if sent[integration] > self._sent[integration]}

    async def failures(self) -> str:
        """Integrations by which notifications failed since `listen`, for a person."""
        _, failed = await self._monitoring.counters()
        return ", ".join(name for name in self._integrations if failed[name] > self._failed[name])

    async def _log_tells(self, target: str, status: str) -> bool:
        since = self._since.strftime("%Y-%m-%dT%H:%M:%SZ")
        lines = await kubectl("logs", "-n", self._namespace, target, f"--since-time={since}")
        return any(ALERT in line and status in line.lower() for line in lines.splitlines())
