"""The operator at scale: `make perf-operator` (PYTHONPATH=tests; etcd and kube-apiserver on PATH).

Gateways of ten pods each exist as objects in a separate API server without nodes. Three measurements: the cost of idle
targets (CPU, memory, API calls per minute), the time from a webhook to the persisted intent, and 1,000 simultaneous
alerts for 100 targets.
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

from operator_cluster import NAMESPACE, PODS, SERVICES, FakePrometheus, GatewayObjects, breaker_alert
from support.control_plane import ControlPlane, MissingBinaryError
from support.fake_alertmanager import FakeAlertmanager, message
from support.operator_process import OperatorProcess, kubeconfig, service_account
from support.workloads import eventually

CRDS = Path(__file__).parents[1] / "charts" / "bot-gateway" / "crds"
SERVICE_ACCOUNT = f"system:serviceaccount:{NAMESPACE}:remediator"
SETTLING_SECONDS = 5
STORM_TARGETS = 100
STORM_ALERTS = 1000


@dataclass(frozen=True)
class Idle:
    """Cost of the operator without alerts."""

    gateways: int
    pods: int
    policies: int
    cpu_percent: float
    memory_mib: float
    api_calls_per_minute: float


@dataclass(frozen=True)
class Latency:
    """Seconds from a webhook to its 200, which is sent after the intent is persisted; one target at a time."""

    gateways: int
    policies: int
    runs: int
    p50: float
    p95: float


@dataclass(frozen=True)
class Storm:
    """A thousand alerts for a hundred targets in one webhook; times in seconds since it was sent."""

    gateways: int
    targets: int
    alerts: int
    responses: dict[str, int]
    persisted_seconds: float
    settled_to_accepted_p50: float
    settled_to_accepted_p95: float
    actions: int
    cpu_seconds: float
    memory_growth_mib: float
    api_calls: int


class Bench:
    """One control plane with its objects, and one operator."""

    def __init__(self, plane: ControlPlane, api: client.ApiClient, operator: OperatorProcess) -> None:
        self.plane = plane
        self.cluster = GatewayObjects(api)
        self.operator = operator
        self.alertmanager = FakeAlertmanager()
        self.prometheus = FakePrometheus(self.alertmanager)
        self.prometheus.cluster = self.cluster

    @property
    def process(self) -> psutil.Process:
        """The operator's process."""
        return psutil.Process(self.operator.pid)

    async def idle(self, seconds: float) -> Idle:
        """Measure the operator without alerts."""
        await asyncio.sleep(10)
        started, cpu = time.monotonic(), _cpu(self.process)
        with self.plane.requests(SERVICE_ACCOUNT) as calls:
            await asyncio.sleep(seconds)
        elapsed = time.monotonic() - started
        return Idle(
            gateways=self.cluster.gateways,
            pods=self.cluster.gateways * PODS,
            policies=self.cluster.policies,
            cpu_percent=round(100 * (_cpu(self.process) - cpu) / elapsed, 2),
            memory_mib=round(self.process.memory_info().rss / 2**20, 1),
            api_calls_per_minute=round(60 * calls.total() / elapsed, 1),
        )

    async def latency(self, runs: int) -> Latency:
        """Fire alerts one at a time, each for another target."""
        times: list[float] = []
        for run in range(runs):
            firing = breaker_alert(run % self.cluster.policies)
            self.alertmanager.fire(firing)
            started = time.perf_counter()
            status = await self.operator.post(message([firing]))
            times.append(time.perf_counter() - started)
            assert status == 200, status
            self.alertmanager.fire()
            await self.cluster.delete_remediations()
            await asyncio.sleep(0.5)
        p50, p95 = _percentiles(times)
        return Latency(self.cluster.gateways, self.cluster.policies, runs, p50, p95)

    async def storm(self) -> Storm:
        """Send a thousand alerts in one webhook and repeat it after each 503, as Alertmanager does."""
        targets = min(STORM_TARGETS, self.cluster.policies)
        each = STORM_ALERTS // targets
        pods = [(pod, service) for pod in range(PODS // 2) for service in SERVICES][:each]
        alerts = [breaker_alert(gateway, *where) for gateway in range(targets) for where in pods]
        self.alertmanager.fire(*alerts)
        memory, cpu, started = self.process.memory_info().rss, _cpu(self.process), time.monotonic()
        responses: Counter[str] = Counter()
        with self.plane.requests(SERVICE_ACCOUNT) as calls:
            while not responses["200"]:
                responses[str(await self.operator.post(message(alerts), seconds=60))] += 1
                assert responses.total() < 20, responses
            persisted = time.monotonic() - started
            found = await self._all_acted(targets)
        delays = [_delay(item) for item in found]
        p50, p95 = _percentiles(delays)
        return Storm(
            gateways=self.cluster.gateways,
            targets=targets,
            alerts=len(alerts),
            responses=dict(responses),
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
                found = await self.cluster.remediations()
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
        kubeconfig_file = folder / "operator.kubeconfig"
        kubeconfig(kubeconfig_file, server=plane.url, authority=plane.authority, token=token)
        operator = OperatorProcess(folder, NAMESPACE, kubeconfig_file, 0)
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
            await bench.cluster.grow(gateways, policies)
            await operator.start()
            for measure in (bench.idle(idle_seconds), bench.latency(runs)):
                results.append(await measure)
                _report(results[-1])
        results.append(await bench.storm())
        _report(results[-1])
    return results


async def _prepare(api: client.ApiClient) -> str:
    """Create the namespace, the CRDs and the operator's service account; return its token."""
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
    """Return when the API server accepted the first step, or its first pod if it restarts several."""
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


def _report(result: Any) -> None:
    load = os.getloadavg()[0]
    print(json.dumps({"measurement": type(result).__name__, "load": round(load, 1), **asdict(result)}), flush=True)


def _points(text: str) -> list[tuple[int, int]]:
    return [(int(gateways), int(policies)) for gateways, policies in (part.split(":") for part in text.split(","))]


def main() -> int:
    """Measure and print one JSON line per result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", default="10:5,50:25,200:100", help="GATEWAYS:POLICIES, growing")
    parser.add_argument(
        "--idle-seconds", type=float, default=60.0, help="duration of the idle measurement at each point"
    )
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
