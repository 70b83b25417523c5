"""A Prometheus and an Alertmanager of one's own, between breakers that a test opens and an operator's webhook.

The rule is the chart's, with the chart's times: what takes a minute in production takes a minute here.
"""

import asyncio
import socket
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from aiohttp import web

from support.tools import ROOT, tool
from support.workloads import eventually

CHART = ROOT / "charts" / "bot-gateway"
SCRAPE = "15s"


@dataclass
class Fault:
    """When a breaker opened, and when the world noticed."""

    opened_at: datetime
    fired_at: datetime | None = None
    webhook_at: datetime | None = None


@dataclass
class Breakers:
    """What the gateways' pods export: one gauge for each pod and backend, and calls that succeed elsewhere."""

    namespace: str
    gauges: dict[tuple[str, str], int] = field(default_factory=dict)
    faults: dict[tuple[str, str], Fault] = field(default_factory=dict)

    def open(self, pod: str, service: str) -> None:
        """Open one breaker."""
        self.gauges[pod, service] = 1
        self.faults[pod, service] = Fault(datetime.now(UTC))

    def close_all(self) -> None:
        """Close every breaker."""
        self.gauges = dict.fromkeys(self.gauges, 0)

    def page(self) -> str:
        """The page that Prometheus scrapes."""
        lines = []
        for (pod, service), value in self.gauges.items():
            labels = f'namespace="{self.namespace}",pod="{pod}",service_name="{service}"'
            lines.append(f"bot_gateway_service_circuit_breaker_state{{{labels}}} {value}")
            calls = int(datetime.now(UTC).timestamp()) if value == 0 else 0
            lines.append(f'bot_gateway_service_requests_total{{{labels},method="GET",status="200"}} {calls}')
        return "\n".join(lines) + "\n"


class AlertingChain:
    """Serves the breakers, runs the two programs, and is a second receiver of what the operator is sent."""

    def __init__(self, folder: Path, breakers: Breakers, webhook: str, token: str) -> None:
        self.breakers = breakers
        self.prometheus = f"http://127.0.0.1:{_free_port()}"
        self.alertmanager = f"http://127.0.0.1:{_free_port()}"
        self._folder = folder
        self._webhook = webhook
        self._token = token
        self._runner: web.AppRunner | None = None
        self._processes: list[asyncio.subprocess.Process] = []
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start everything and wait until both response."""
        app = web.Application()
        app.router.add_get("/metrics", self._metrics)
        app.router.add_post("/alerts", self._alerts)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._configure(int(self._runner.addresses[0][1]))
        await self._run("alertmanager", self.alertmanager, "--cluster.listen-address=")
        await self._run("prometheus", self.prometheus)
        self._watching = asyncio.create_task(self._watch())

    async def stop(self) -> None:
        """Stop everything."""
        if self._watching is not None:
            self._watching.cancel()
        for process in self._processes:
            process.kill()
            await process.wait()
        if self._runner is not None:
            await self._runner.cleanup()

    def _configure(self, port: int) -> None:
        receiver = {"send_resolved": True, "http_config": {"authorization": {"credentials": self._token}}}
        operator = yaml.safe_load((CHART / "values.yaml").read_text())["alerting"]["operator"]
        alertmanager = {
            "route": {
                "receiver": "remediator",
                "group_by": ["alertname", "service_name"],
                "group_wait": operator["groupWait"],
                "group_interval": operator["groupInterval"],
                "repeat_interval": operator["repeatInterval"],
            },
            "receivers": [
                {
                    "name": "remediator",
                    "webhook_configs": [
                        {"url": self._webhook, **receiver},
                        {"url": f"http://127.0.0.1:{port}/alerts", **receiver},
                    ],
                }
            ],
        }
        (self._folder / "alertmanager.yml").write_text(yaml.safe_dump(alertmanager))
        (self._folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "gateway", "rules": [_rule()]}]}))
        prometheus = {
            "global": {"scrape_interval": SCRAPE, "evaluation_interval": SCRAPE},
            "rule_files": [str(self._folder / "rules.yml")],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [_address(self.alertmanager)]}]}]},
            "scrape_configs": [
                {
                    "job_name": "gateways",
                    "honor_labels": True,
                    "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
                }
            ],
        }
        (self._folder / "prometheus.yml").write_text(yaml.safe_dump(prometheus))

    async def _run(self, name: str, url: str, *arguments: str) -> None:
        with (self._folder / f"{name}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                tool(name),
                f"--config.file={self._folder / f'{name}.yml'}",
                f"--web.listen-address={_address(url)}",
                f"--storage{'.tsdb' if name == 'prometheus' else ''}.path={self._folder / name}",
                *arguments,
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)

        async def ready() -> bool:
            assert process.returncode is None, (self._folder / f"{name}.log").read_text()[-2000:]
            return await _status(f"{url}/-/ready") == 200

        await eventually(ready)

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(text=self.breakers.page(), content_type="text/plain")

    async def _alerts(self, request: web.Request) -> web.Response:
        at = datetime.now(UTC)
        for alert in (await request.json())["alerts"]:
            fault = self._fault(alert["labels"])
            if fault is not None and alert["status"] == "firing":
                fault.webhook_at = fault.webhook_at or at
        return web.json_response({})

    async def _watch(self) -> None:
        """Note when each alert begins to fire, by the second."""
        async with aiohttp.ClientSession() as session:
            while True:
                async with session.get(f"{self.prometheus}/api/v1/alerts") as response:
                    found: list[dict[str, Any]] = (await response.json())["data"]["alerts"]
                for alert in found:
                    fault = self._fault(alert["labels"])
                    if fault is not None and alert["state"] == "firing":
                        fault.fired_at = fault.fired_at or datetime.now(UTC)
                await asyncio.sleep(0.2)

    def _fault(self, labels: dict[str, str]) -> Fault | None:
        return self.breakers.faults.get((labels.get("pod", ""), labels.get("service_name", "")))


def _rule() -> dict[str, Any]:
    """Return the chart's rule of CircuitBreakerOpen as Prometheus takes it."""
    rules = yaml.safe_load((CHART / "rules" / "alerts.yaml").read_text())
    expression = next(rule["expr"] for rule in rules if rule["alert"] == "CircuitBreakerOpen")
    values = yaml.safe_load((CHART / "values.yaml").read_text())["alerts"]["CircuitBreakerOpen"]
    return {
        "alert": "CircuitBreakerOpen",
        "expr": expression.replace("<selector>", 'job="gateways"'),
        "for": values["for"],
        "labels": {"severity": values["severity"]},
    }


def _address(url: str) -> str:
    return url.removeprefix("http://")


async def _status(url: str) -> int:
    try:
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            return response.status
    except aiohttp.ClientError:
        return 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
