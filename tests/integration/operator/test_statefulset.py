"""A StatefulSet as the target: its pods are its own without a ReplicaSet between, and keep their names."""

from typing import Any

import pytest
from kubernetes.aio import client

from remediator.api.names import BASELINE_ANNOTATION, RESTARTED_FOR_ANNOTATION
from remediator.kubernetes_api import KubernetesApi
from support.fake_alertmanager import FakeAlertmanager, alert, message
from support.operator_process import OperatorProcess
from support.workloads import deployment, eventually, in_phase, policy, ready_pods

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(580)]

TARGET = {"kind": "StatefulSet", "name": "web"}


async def _deploy(api: client.ApiClient, kubernetes: KubernetesApi, replicas: int) -> None:
    body: dict[str, Any] = {**deployment(replicas=replicas), "kind": "StatefulSet"}
    body["spec"] = {**body["spec"], "serviceName": "web", "podManagementPolicy": "Parallel"}
    await client.AppsV1Api(api).create_namespaced_stateful_set(kubernetes.namespace, body)

    async def complete() -> bool:
        return len(await ready_pods(kubernetes)) == replicas

    await eventually(complete, seconds=120)


async def test_affected_pod_is_replaced_by_one_of_the_same_name(
    api: client.ApiClient, kubernetes: KubernetesApi, operator: OperatorProcess, alertmanager: FakeAlertmanager
) -> None:
    await _deploy(api, kubernetes, 3)
    before = {pod.metadata.name: pod.metadata.uid for pod in await ready_pods(kubernetes)}
    assert set(before) == {"web-0", "web-1", "web-2"}
    await kubernetes.create_custom("remediationpolicies", policy(targetRef=TARGET))
    await operator.start()
    firing = alert(kubernetes.namespace, "web-1")
    alertmanager.fire(firing)
    assert await operator.post(message([firing])) == 200
    found = await in_phase(kubernetes, "Verifying")
    (step,) = found["status"]["steps"]
    assert [(pod["name"], pod["uid"]) for pod in step["pods"]] == [("web-1", before["web-1"])]

    async def replaced() -> bool:
        after = {pod.metadata.name: pod.metadata.uid for pod in await ready_pods(kubernetes)}
        return set(after) == set(before) and after["web-1"] != before["web-1"]

    await eventually(replaced)
    # The alert of the pod that went is older than the one that has its name now: it starts nothing, and is not cleared.
    alertmanager.fire(firing)
    assert await operator.post(message([firing])) == 200

    async def is_predecessors() -> bool:
        status = (await in_phase(kubernetes, "Verifying"))["status"]
        cleared = next(item for item in status["conditions"] if item["type"] == "Cleared")
        return status["reason"] == "PredecessorAlert" and cleared["status"] == "False"

    await eventually(is_predecessors)
    alertmanager.fire()
    done = await in_phase(kubernetes, "Succeeded", seconds=400)
    assert [step["action"] for step in done["status"]["steps"]] == ["RestartPods"]
    assert {pod.metadata.uid for pod in await ready_pods(kubernetes)} >= {before["web-0"], before["web-2"]}


async def test_rollout_restart_and_scale_out_go_through_the_stateful_set(
    api: client.ApiClient, kubernetes: KubernetesApi, operator: OperatorProcess, alertmanager: FakeAlertmanager
) -> None:
    await _deploy(api, kubernetes, 2)
    escalation = [
        {"action": "RolloutRestart", "when": "Minority"},
        {"action": "ScaleOut", "when": "Majority", "by": 1, "max": 4},
    ]
    await kubernetes.create_custom("remediationpolicies", policy(targetRef=TARGET, escalation=escalation))
    await operator.start()
    alertmanager.fire(alert(kubernetes.namespace, "web-0"))
    await in_phase(kubernetes, "Verifying")
    target = await kubernetes.read_target("StatefulSet", "web")
    assert target.spec.template.metadata.annotations[RESTARTED_FOR_ANNOTATION] == "breaker-1/0"
    await operator.kill()
    (found,) = await kubernetes.list_custom("remediations")
    await kubernetes.delete_remediation(found["metadata"]["name"], found["metadata"]["uid"])

    async def rolled_out() -> bool:
        status = (await kubernetes.read_target("StatefulSet", "web")).status
        return status.current_revision == status.update_revision and status.ready_replicas == 2

    await eventually(rolled_out, seconds=120)
    await operator.start()
    alertmanager.fire(*(alert(kubernetes.namespace, f"web-{number}") for number in range(2)))
    await in_phase(kubernetes, "Verifying")
    target = await kubernetes.read_target("StatefulSet", "web")
    assert target.spec.replicas == 3
    assert '"replicas": 2' in target.metadata.annotations[BASELINE_ANNOTATION]
