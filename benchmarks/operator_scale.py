"""The operator at scale: `make perf-operator` (PYTHONPATH=tests; etcd and kube-apiserver on PATH).

Gateways of ten pods each, as objects in an API server of its own without a node. Three questions: what do idle targets
cost (CPU, memory, API calls a minute), how long is it from a webhook to the persisted intent among them, and what
becomes of 1,000 alerts at once for 100 targets.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import yaml
from kubernetes.aio import client, config

from operator_world import NAMESPACE, PODS, SERVICES, FakePrometheus, World, breaker_alert
from support.control_plane import ControlPlane, MissingBinaryError
from support.fake_alertmanager import FakeAlertmanager, message
from support.operator_process import OperatorProcess, kubeconfig, service_account
from support.workloads import eventually

CRDS = Path(__file__).parents[1] / "charts" / "bot-gateway" / "crds"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:remediator"
SETTLING_SECONDS = 5
STORM_TARGETS = 100
STORM_ALERTS = 1000


@dataclass(frozen=True)
class Idle:
    """What the operator costs while nothing happens."""

    gateways: int
    pods: int
    policies: int
    cpu_percent: float
    memory_mib: float
    api_calls_a_minute: float


@dataclass(frozen=True)
class Latency:
    """Seconds from the webhook to its 200, by which the intent is persisted, one target after the other."""

    gateways: int
    policies: int
    runs: int
    p50: float
    p95: float


@dataclass(frozen=True)
class Storm:
    """A thousand alerts in one webhook for a hundred targets; seconds since it was sent."""

    gateways: int
    targets: int
    alerts: int
    answers: dict[str, int]
    persisted_seconds: float
    settled_to_accepted_p50: float
    settled_to_accepted_p95: float
    actions: int
    cpu_seconds: float
    memory_growth_mib: float
    api_calls: int


class Bench:
    """One control plane, one world, one operator."""

    def __init__(self, plane: ControlPlane, api: client.ApiClient, operator: OperatorProcess) -> None:
        self.plane = plane
        self.world = World(api)
        self.operator = operator
        self.alertmanager = FakeAlertmanager()
        self.prometheus = FakePrometheus(self.alertmanager)
        self.prometheus.world = self.world

    @property
    def process(self) -> psutil.Process:
        """The operator's process."""
        return psutil.Process(self.operator.pid)

    async def idle(self, seconds: float) -> Idle:
        """Look on while nothing happens."""
        await asyncio.sleep(10)
        begun, cpu = time.monotonic(), _cpu(self.process)
        with self.plane.requests(ACCOUNT) as calls:
            await asyncio.sleep(seconds)
        elapsed = time.monotonic() - begun
        return Idle(
            gateways=self.world.gateways,
            pods=self.world.gateways * PODS,
            policies=self.world.policies,
            cpu_percent=round(100 * (_cpu(self.process) - cpu) / elapsed, 2),
            memory_mib=round(self.process.memory_info().rss / 2**20, 1),
            api_calls_a_minute=round(60 * calls.total() / elapsed, 1),
        )

    async def latency(self, runs: int) -> Latency:
        """Let one alert after the other fire, each of another target."""
        times: list[float] = []
        for run in range(runs):
            firing = breaker_alert(run % self.world.policies)
            self.alertmanager.fire(firing)
            begun = time.perf_counter()
            status = await self.operator.post(message([firing]))
            times.append(time.perf_counter() - begun)
            assert status == 200, status
            self.alertmanager.fire()
            await self.world.forget()
            await asyncio.sleep(0.5)
        p50, p95 = _percentiles(times)
        return Latency(self.world.gateways, self.world.policies, runs, p50, p95)

    async def storm(self) -> Storm:
        """Send a thousand alerts at once, as Alertmanager does: again after each 503."""
        targets = min(STORM_TARGETS, self.world.policies)
        each = STORM_ALERTS // targets
        pods = [(pod, service) for pod in range(PODS // 2) for service in SERVICES][:each]
        alerts = [breaker_alert(gateway, *where) for gateway in range(targets) for where in pods]
        self.alertmanager.fire(*alerts)
        memory, cpu, begun = self.process.memory_info().rss, _cpu(self.process), time.monotonic()
        answers: Counter[str] = Counter()
        with self.plane.requests(ACCOUNT) as calls:
            while not answers["200"]:
                answers[str(await self.operator.post(message(alerts), seconds=60))] += 1
                assert answers.total() < 20, answers
            persisted = time.monotonic() - begun
            found = await self._all_acted(targets)
        delays = [_delay(item) for item in found]
        p50, p95 = _percentiles(delays)
        return Storm(
            gateways=self.world.gateways,
            targets=targets,
            alerts=len(alerts),
            answers=dict(answers),
            persisted_seconds=round(persisted, 3),
            settled_to_accepted_p50=p50,
            settled_to_accepted_p95=p95,
            actions=sum(len(item["status"]["steps"]) for item in found),
            cpu_seconds=round(_cpu(self.process) - cpu, 2),
            memory_growth_mib=round((self.process.memory_info().rss - memory) / 2**20, 1),
            api_calls=calls.total(),
        )

    async def _all_acted(self, targets: int, seconds: float = 180.0) -> list[dict[str, Any]]:
        async with asyncio.timeout(seconds):
            while True:
                found = await self.world.remediations()
                acted = [item for item in found if _first_accepted(item) is not None]
                if len(acted) == targets:
                    return acted
                await asyncio.sleep(1)


async def run(folder: Path, points: list[tuple[int, int]], idle_seconds: float, runs: int) -> list[Any]:
    """Start everything, measure at each point, and return the results."""
    results: list[Any] = []
    async with AsyncExitStack() as stack:
        plane = ControlPlane(folder)
        stack.callback(plane.stop)
        await plane.start()
        await config.load_kube_config(config_file=str(plane.kubeconfig))
        configuration = client.Configuration.get_default_copy()
        configuration.disable_strict_ssl_verification = True
        api = await stack.enter_async_context(client.ApiClient(configuration))
        token = await _prepare(api)
        account = folder / "operator.kubeconfig"
        kubeconfig(account, server=plane.url, authority=plane.authority, token=token)
        operator = OperatorProcess(folder, NAMESPACE, account, 0)
        bench = Bench(plane, api, operator)
        for server in (bench.alertmanager, bench.prometheus):
            await server.start()
            stack.push_async_callback(server.stop)
        operator.environment |= {
            "REMEDIATOR_ALERTMANAGER_URL": f"http://127.0.0.1:{bench.alertmanager.port}",
            "REMEDIATOR_PROMETHEUS_URL": f"http://127.0.0.1:{bench.prometheus.port}",
            "REMEDIATOR_SETTLING_SECONDS": str(SETTLING_SECONDS),
            "REMEDIATOR_POLL_SECONDS": "15",
            "REMEDIATOR_API_TIMEOUT_SECONDS": "10",
        }
        stack.push_async_callback(operator.kill)
        for gateways, policies in points:
            await operator.kill()
            await bench.world.grow(gateways, policies)
            await operator.start()
            for measure in (bench.idle(idle_seconds), bench.latency(runs)):
                results.append(await measure)
                _tell(results[-1])
        results.append(await bench.storm())
        _tell(results[-1])
    return results


async def _prepare(api: client.ApiClient) -> str:
    """Make the namespace, the kinds and the operator's account; return its token."""
    await client.CoreV1Api(api).create_namespace({"metadata": {"name": NAMESPACE}})
    extensions = client.ApiextensionsV1Api(api)
    names = []
    for path in sorted(CRDS.glob("*.yaml")):
        body = yaml.safe_load(path.read_text())
        names.append(body["metadata"]["name"])
        await extensions.create_custom_resource_definition(body)
    for name in names:
        await eventually(partial(_is_established, extensions, name))
    return await service_account(api, NAMESPACE)


async def _is_established(extensions: client.ApiextensionsV1Api, name: str) -> bool:
    found = await extensions.read_custom_resource_definition(name)
    conditions = (found.status.conditions if found.status else None) or []
    return any(item.type == "Established" and item.status == "True" for item in conditions)


def _first_accepted(remediation: dict[str, Any]) -> str | None:
    """Return when the API server accepted the first step, of the first pod where it restarts several."""
    for step in remediation.get("status", {}).get("steps", []):
        moments = [pod["at"] for pod in step.get("pods", []) if pod.get("state") == "Evicted"]
        if moments or step.get("acceptedAt"):
            return str(min([*moments, *filter(None, [step.get("acceptedAt")])]))
    return None


def _delay(remediation: dict[str, Any]) -> float:
    """Return the seconds from the end of settling to the first accepted action."""
    accepted = datetime.fromisoformat(str(_first_accepted(remediation)))
    return (accepted - datetime.fromisoformat(remediation["status"]["settlingUntil"])).total_seconds()


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _percentiles(values: list[float]) -> tuple[float, float]:
    found = statistics.quantiles(values, n=100, method="inclusive")
    return round(found[49], 3), round(found[94], 3)


def _tell(result: Any) -> None:
    load = os.getloadavg()[0]
    print(json.dumps({"what": type(result).__name__, "load": round(load, 1), **asdict(result)}), flush=True)


def _points(text: str) -> list[tuple[int, int]]:
    return [(int(gateways), int(policies)) for gateways, policies in (part.split(":") for part in text.split(","))]


def main() -> int:
    """Measure and print one JSON line a result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", default="10:5,50:25,200:100", help="GATEWAYS:POLICIES, growing")
    parser.add_argument("--idle-seconds", type=float, default=60.0, help="how long to look on at each point")
    parser.add_argument("--runs", type=int, default=30, help="alerts at each point")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="operator-scale-") as folder:
        try:
            asyncio.run(run(Path(folder), _points(arguments.points), arguments.idle_seconds, arguments.runs))
        except MissingBinaryError as error:
            print(f"operator_scale: {error}", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
