"""What the operator polls in tests: alerts that a test sets, in the shape of Alertmanager's ``GET /api/v2/alerts``."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from aiohttp import web


def now() -> str:
    """The time as Alertmanager writes it."""
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def alert(namespace: str, pod: str, service: str = "request", name: str = "CircuitBreakerOpen") -> dict[str, Any]:
    """A breaker alert on one pod."""
    labels = {"alertname": name, "namespace": namespace, "pod": pod, "service_name": service, "severity": "critical"}
    return {
        "labels": labels,
        "startsAt": now(),
        "fingerprint": sha256("/".join(labels.values()).encode()).hexdigest()[:16],
        "status": {"state": "active"},
    }


WATCHDOG = {
    "labels": {"alertname": "Watchdog"},
    "startsAt": "2026-01-01T00:00:00Z",
    "fingerprint": "0" * 16,
    "status": {"state": "active"},
}


def message(alerts: list[dict[str, Any]], status: str = "firing") -> dict[str, Any]:
    """A webhook message of version 4."""
    bare = [{key: value for key, value in item.items() if key != "status"} for item in alerts]
    return {"version": "4", "status": status, "alerts": [{"status": status, **item} for item in bare]}


class FakeAlertmanager:
    """Serves ``alerts``; ``down`` returns 503."""

    def __init__(self) -> None:
        self.alerts: list[dict[str, Any]] = [WATCHDOG]
        self.down = False
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen on a free port."""
        app = web.Application()
        app.router.add_get("/api/v2/alerts", self._list)
        app.router.add_get("/api/v2/alerts/groups", self._groups)
        app.router.add_get("/api/v2/status", self._status)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            await self._runner.cleanup()

    def fire(self, *alerts: dict[str, Any]) -> None:
        """Let these alerts, and the Watchdog, be the ones that fire."""
        self.alerts = [WATCHDOG, *alerts]

    async def _list(self, request: web.Request) -> web.Response:
        # A filter by state would hide silenced alerts; one by label is what Alertmanager's API offers for namespaces.
        assert set(request.query) == {"filter"}
        wanted = request.query["filter"]
        only_watchdog = wanted == 'alertname="Watchdog"'
        found = [item for item in self.alerts if not only_watchdog or item["labels"]["alertname"] == "Watchdog"]
        return web.json_response(found, status=503 if self.down else 200)

    async def _groups(self, _request: web.Request) -> web.Response:
        """As Alertmanager 0.28 and later: ``mutedBy`` is there for each alert of the receiver's groups."""
        alerts = [{**item, "status": {**item["status"], "mutedBy": []}} for item in self.alerts]
        return web.json_response([{"alerts": alerts}], status=503 if self.down else 200)

    async def _status(self, _request: web.Request) -> web.Response:
        return web.json_response({"uptime": "2026-01-01T00:00:00Z"}, status=503 if self.down else 200)
