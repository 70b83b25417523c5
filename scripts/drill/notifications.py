"""Detects the notifications of one alert in the receivers' logs or in Alertmanager's counters."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

from drill.kubectl import kubectl
from drill.monitoring import ALERT, Monitoring
from drill.routes import Receiver


class Notifications:
    """The notifications of the drill's alert: from the receivers' logs, else from Alertmanager's counters."""

    def __init__(self, monitoring: Monitoring, receivers: list[Receiver], logs: list[str], namespace: str) -> None:
        self._monitoring = monitoring
        self._logs = logs
        self._namespace = namespace
        self._integrations = sorted({integration for receiver in receivers for integration in receiver.integrations})
        self._sent, self._failed = Counter[str](), Counter[str]()
        self._since = datetime.now(UTC)

    @property
    def expected(self) -> set[str]:
        """The named receivers, or the integrations, that must be notified."""
        return set(self._logs or self._integrations)

    async def listen(self) -> None:
        """Ignore all notifications until now."""
        self._sent, self._failed = await self._monitoring.counters()
        self._since = datetime.now(UTC)

    async def notified(self, status: str) -> set[str]:
        """The receivers or integrations notified since `listen` that the alert is `firing` or `resolved`."""
        if self._logs:
            return {target for target in self._logs if await self._is_in_log(target, status)}
        sent, _ = await self._monitoring.counters()
        return {integration for integration in self._integrations if sent[integration] > self._sent[integration]}

    async def failures(self) -> str:
        """Integrations whose notifications failed since `listen`, as text."""
        _, failed = await self._monitoring.counters()
        return ", ".join(name for name in self._integrations if failed[name] > self._failed[name])

    async def _is_in_log(self, target: str, status: str) -> bool:
        since = self._since.strftime("%Y-%m-%dT%H:%M:%SZ")
        lines = await kubectl("logs", "-n", self._namespace, target, f"--since-time={since}")
        return any(ALERT in line and status in line.lower() for line in lines.splitlines())
