"""From the fault to the webhook and on, through a real Prometheus and Alertmanager; and a recording of it, replayed."""

import asyncio
import json
import os
import random
import statistics
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes.aio import client

from remediator.kubernetes_api import KubernetesApi
from support.alerting_chain import AlertingChain, Breakers, Fault
from support.operator_process import TOKEN, OperatorProcess
from support.workloads import deploy, deployment, eventually, in_phase, policy, ready_pods

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(580)]

FAULTS = int(os.environ.get("OPERATOR_CHAIN_FAULTS", "30"))
WITHIN_SECONDS = 30.0
"""The faults begin at random moments of a scrape and of an evaluation."""


def _percentiles(times: list[timedelta]) -> str:
    seconds = statistics.quantiles([item.total_seconds() for item in times], n=100, method="inclusive")
    return f"p50 {seconds[49]:.2f} s, p95 {seconds[94]:.2f} s"


async def test_fault_becomes_an_alert_a_webhook_an_intent_and_an_eviction(
    api: client.ApiClient, kubernetes: KubernetesApi, operator: OperatorProcess, tmp_path: Path
) -> None:
    await deploy(api, kubernetes, deployment(replicas=3))
    pods = sorted(pod.metadata.name for pod in await ready_pods(kubernetes))
    services = [f"backend-{number}" for number in range(FAULTS)]
    breakers = Breakers(kubernetes.namespace, {(pod, service): 0 for pod in pods for service in services})
    chain = AlertingChain(tmp_path, breakers, operator.url("/alerts"), TOKEN)
    recording = tmp_path / "recording.jsonl"
    await kubernetes.create_custom("remediationpolicies", policy())
    await chain.start()
    recorder = await _record(chain, operator, kubernetes, recording)
    try:
        operator.environment |= {
            "REMEDIATOR_ALERTMANAGER_URL": chain.alertmanager,
            "REMEDIATOR_PROMETHEUS_URL": chain.prometheus,
            "REMEDIATOR_SETTLING_SECONDS": "45",
            "REMEDIATOR_POLL_SECONDS": "15",
        }
        await operator.start()
        # Two scrapes, so that the calls of the healthy pods have a rate.
        await asyncio.sleep(31)
        for service in services:
            breakers.open(pods[0], service)
            await asyncio.sleep(random.uniform(0, 2 * WITHIN_SECONDS / FAULTS))
        faults = list(breakers.faults.values())

        async def all_arrived() -> bool:
            return all(fault.webhook_at is not None for fault in faults)

        await eventually(all_arrived, seconds=180)
        found = await in_phase(kubernetes, "Verifying", seconds=120)
        breakers.close_all()

        async def cleared() -> dict[str, Any] | None:
            newest = await in_phase(kubernetes, "Verifying", "Succeeded")
            return newest if newest["status"].get("clearedAt") else None

        ended = await eventually(cleared, seconds=180)
        await asyncio.sleep(6)
    finally:
        recorder.terminate()
        await recorder.wait()
        await chain.stop()
    _tell(faults, found["status"], ended["status"])
    (step,) = found["status"]["steps"]
    assert [pod["name"] for pod in step["pods"]] == [pods[0]]
    assert found["status"]["alertsTotal"] == FAULTS
    _check(_json_lines(recording))
    (tmp_path / "policy.yaml").write_text(yaml.safe_dump(policy()))
    decisions = await _replayed(tmp_path / "policy.yaml", recording, kubernetes.namespace)
    acts = [(line["action"], line["pods"]) for line in decisions if line["action"] != "None"]
    assert acts == [("RestartPods", [pods[0]])]


def _tell(faults: list[Fault], acted: dict[str, Any], ended: dict[str, Any]) -> None:
    fired = [fault.fired_at - fault.opened_at for fault in faults if fault.fired_at is not None]
    sent = [fault.webhook_at - fault.fired_at for fault in faults if fault.webhook_at and fault.fired_at]
    assert len(fired) == len(sent) == len(faults)
    print(f"\nof {len(faults)} faults:")
    print(f"fault to alert: {_percentiles(fired)}")
    print(f"alert to webhook: {_percentiles(sent)}")
    first = min(fault.webhook_at for fault in faults if fault.webhook_at is not None)
    seen = datetime.fromisoformat(acted["firstAlertAt"])
    settled = datetime.fromisoformat(acted["settlingUntil"])
    accepted = datetime.fromisoformat(acted["steps"][0]["acceptedAt"])
    resolved = datetime.fromisoformat(ended["clearedAt"])
    print(f"first webhook to first seen: {(seen - first).total_seconds():.3f} s")
    print(f"settling end to accepted: {(accepted - settled).total_seconds():.3f} s")
    print(f"accepted to alert resolved: {(resolved - accepted).total_seconds():.1f} s")


async def _record(
    chain: AlertingChain, operator: OperatorProcess, kubernetes: KubernetesApi, output: Path
) -> asyncio.subprocess.Process:
    command = [sys.executable, "-m", "remediator", "record"]
    where = ["--alertmanager", chain.alertmanager, "--prometheus", chain.prometheus, "-n", kubernetes.namespace]
    how = ["--target", "Deployment/web", "--interval", "5", "--output", str(output)]
    # With the operator's own account: recording needs no more rights than it has.
    environment = {"PATH": operator.environment["PATH"], "KUBECONFIG": operator.environment["KUBECONFIG"]}
    return await asyncio.create_subprocess_exec(*command, *where, *how, env=environment)


def _json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _check(observations: list[dict[str, Any]]) -> None:
    """A recording has a line every five seconds, and everything in it was read."""
    assert len(observations) > 30
    assert {line["alertmanager"] for line in observations} == {"up"}
    assert {line["prometheus"] for line in observations} == {"up"}
    assert all(len(line["workload"]["pods"]) >= 3 for line in observations)


async def _replayed(path: Path, recording: Path, namespace: str) -> list[dict[str, Any]]:
    """Return what the policy would have done with a recording."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "remediator", "replay", "--policy", str(path), "--recording", str(recording)),
        *("--namespace", namespace, "--output", "json"),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return [json.loads(line) for line in output.splitlines()]
