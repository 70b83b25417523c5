"""Runs the operator without a cluster: it gets the demo's observations and reports what it would do.

The process runs the operator's own ``replay`` command and gets the state of Alertmanager, Prometheus and the gateway
line by line. No decision is executed.
"""

import asyncio
import importlib.util
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import orjson

from sandbox.demo.monitoring import CHART, NAMESPACE, POD, Monitoring
from sandbox.demo.processes import Child
from sandbox.jsontypes import JsonObject

OBSERVE_SECONDS = 5.0
TIMEOUT_SECONDS = 2.0


def operator_is_installed() -> bool:
    """Whether the operator is installed: it is in the demo's environment, not in the sandbox's image."""
    return importlib.util.find_spec("remediator") is not None


class DryRunOperator:
    """The operator's process and the task that sends it observations."""

    def __init__(self, monitoring: Monitoring, gateway_ready_url: str, run_dir: Path) -> None:
        self._monitoring = monitoring
        self._gateway_ready_url = gateway_ready_url
        self._run_dir = run_dir

    @property
    def decisions_file(self) -> Path:
        """File with its decisions, one JSON object per line."""
        return self._run_dir / "operator.jsonl"

    @asynccontextmanager
    async def process(self) -> AsyncIterator[Child]:
        """Run the process and send it observations until the block exits."""
        read_end, write_end = os.pipe()
        command = [sys.executable, "-m", "remediator", "replay", "--output", "json", "--namespace", NAMESPACE]
        files = ["--policy", str(CHART / "policy.yaml"), "--recording", "/dev/stdin"]
        child = Child(
            "operator",
            [*command, *files],
            {"PYTHONUNBUFFERED": "1"},
            self._run_dir / "operator.log",
            stdin=read_end,
            output=self.decisions_file,
        )
        try:
            await child.start()
        finally:
            os.close(read_end)
        with os.fdopen(write_end, "wb", buffering=0) as recording:
            feeding = asyncio.create_task(self._feed(recording.fileno()))
            try:
                yield child
            finally:
                feeding.cancel()
                await child.stop()

    async def _feed(self, recording: int) -> None:
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS) as client:
            while True:
                line = orjson.dumps(await self._observe(client), option=orjson.OPT_APPEND_NEWLINE)
                try:
                    await asyncio.to_thread(os.write, recording, line)  # blocks while the pipe is full
                except BrokenPipeError:
                    return  # the process exited; its watcher reports that
                await asyncio.sleep(OBSERVE_SECONDS)

    async def _observe(self, client: httpx.AsyncClient) -> JsonObject:
        """Return one observation in the format of the operator's recordings."""
        alerts = await _get(client, f"{self._monitoring.alertmanager_url}/api/v2/alerts")
        prometheus = await _get(client, f"{self._monitoring.prometheus_url}/-/ready")
        gateway = await _get(client, self._gateway_ready_url)
        alerting = {"alertmanager": "down"} if alerts is None else {"alerts": alerts.json()}
        pod = {"name": POD, "ready": gateway is not None}
        workload = {"replicas": 1, "pods": [pod], "rollout": "complete", "pdb": None, "hpa": None, "paused": False}
        return {
            "at": datetime.now(UTC).isoformat(),
            "prometheus": "down" if prometheus is None else "up",
            "workload": workload,
            **alerting,
        }


async def _get(client: httpx.AsyncClient, url: str) -> httpx.Response | None:
    try:
        return (await client.get(url)).raise_for_status()
    except httpx.HTTPError:
        return None
