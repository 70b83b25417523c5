"""The operator without a cluster: it reads what the demo observes and says what it would do.

It is the operator's own ``replay`` command in a process of its own, fed line by line with the state of Alertmanager,
Prometheus and the gateway's process. Nothing that it decides is carried out.
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
    """Whether this environment has the operator: the demo's has, the sandbox's image has not."""
    return importlib.util.find_spec("remediator") is not None


class DryOperator:
    """The process, and what feeds it."""

    def __init__(self, monitoring: Monitoring, gateway_ready_url: str, run_dir: Path) -> None:
        self._monitoring = monitoring
        self._gateway_ready_url = gateway_ready_url
        self._run_dir = run_dir

    @property
    def decisions_file(self) -> Path:
        """Where its decisions go, one JSON object a line."""
        return self._run_dir / "operator.jsonl"

    @asynccontextmanager
    async def process(self) -> AsyncIterator[Child]:
        """Start it and feed it until left."""
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
                    await asyncio.to_thread(os.write, recording, line)  # it blocks while the operator is slow
                except BrokenPipeError:
                    return  # it ended, and who watches the process says so
                await asyncio.sleep(OBSERVE_SECONDS)

    async def _observe(self, client: httpx.AsyncClient) -> JsonObject:
        """Return one observation in the form of the operator's recordings."""
        alerts = await _get(client, f"{self._monitoring.alertmanager_url}/api/v2/alerts")
        prometheus = await _get(client, f"{self._monitoring.prometheus_url}/-/ready")
        gateway = await _get(client, self._gateway_ready_url)
        heard = {"alertmanager": "down"} if alerts is None else {"alerts": alerts.json()}
        pod = {"name": POD, "ready": gateway is not None}
        workload = {"replicas": 1, "pods": [pod], "rollout": "complete", "pdb": None, "hpa": None, "paused": False}
        return {
            "at": datetime.now(UTC).isoformat(),
            "prometheus": "down" if prometheus is None else "up",
            "workload": workload,
            **heard,
        }


async def _get(client: httpx.AsyncClient, url: str) -> httpx.Response | None:
    try:
        return (await client.get(url)).raise_for_status()
    except httpx.HTTPError:
        return None
