"""A Prometheus of the test's own, with the chart's rules and a scrape every two seconds."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml

from sandbox.redis_server import free_port
from support.charts import NAMESPACE
from support.tools import tool

START_SECONDS = 300


@dataclass
class PrometheusProcess:
    """`targets` maps a job to the port that is scraped for it; `move` changes that while it runs."""

    directory: Path
    groups: list[dict[str, Any]]
    targets: dict[str, int | None]
    port: int = field(default_factory=free_port)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Self:
        self.directory.mkdir()
        (self.directory / "rules.yaml").write_text(yaml.safe_dump({"groups": self.groups}))
        for job in self.targets:
            self._write_targets(job)
        config = {
            "global": {"scrape_interval": "2s", "scrape_timeout": "2s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [
                {
                    "job_name": job,
                    "file_sd_configs": [{"files": [f"{job}.json"], "refresh_interval": "1s"}],
                }
                for job in self.targets
            ],
        }
        (self.directory / "prometheus.yml").write_text(yaml.safe_dump(config))
        with (self.directory / "output").open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                tool("prometheus"),
                f"--config.file={self.directory / 'prometheus.yml'}",
                f"--storage.tsdb.path={self.directory / 'data'}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                stdout=output,
                stderr=output,
            )
        async with asyncio.timeout(START_SECONDS):
            while not await self._is_ready():
                assert self._process.returncode is None, (self.directory / "output").read_text()
                await asyncio.sleep(0.2)
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.terminate()
        await self._process.wait()

    def move(self, job: str, port: int | None) -> None:
        """Scrape another port for a job, or nothing any more."""
        self.targets[job] = port
        self._write_targets(job)

    async def firing(self) -> dict[str, dict[str, str]]:
        """The alerts that fire now, by name, each with its labels."""
        found = await self._get("/api/v1/query", query='ALERTS{alertstate="firing"}')
        return {item["metric"]["alertname"]: item["metric"] for item in found["data"]["result"]}

    def _write_targets(self, job: str) -> None:
        port = self.targets[job]
        labels = {"namespace": NAMESPACE, "pod": f"{job}-0"}
        targets = [] if port is None else [{"targets": [f"127.0.0.1:{port}"], "labels": labels}]
        file = self.directory / f"{job}.json"
        new = file.with_suffix(".new")
        # Replaced at once, for Prometheus to read no half of it.
        new.write_text(json.dumps(targets))
        new.replace(file)

    async def _is_ready(self) -> bool:
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{self.url}/-/ready") as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    async def _get(self, path: str, **query: str) -> Any:
        async with aiohttp.ClientSession() as session, session.get(self.url + path, params=query) as response:
            response.raise_for_status()
            return await response.json()
