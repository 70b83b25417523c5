"""SIGKILL before and after each write to the API server: whatever the moment, the action happens exactly once."""

import signal

import aiohttp
import pytest
from kubernetes.aio import client

from remediator.api.names import RESTARTED_FOR_ANNOTATION
from remediator.kubernetes_api import KubernetesApi
from support.fake_alertmanager import FakeAlertmanager, alert, message
from support.operator_process import OperatorProcess
from support.workloads import deploy, deployment, eventually, in_phase, policy, ready_pods, remediations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(580)]

WRITES_OF_AN_INCIDENT = 9
"""Create, Pending, Settling, two of the policy's status, the intent, the eviction, its result, and one more."""


STARTED_WITHIN_SECONDS = 90
"""On a machine that is busy with other tests; alone it takes four."""


async def post_until_taken(operator: OperatorProcess, body: dict[str, object]) -> None:
    """Send as Alertmanager does, again while there is no 200, until the operator took it or died."""

    async def done() -> bool:
        try:
            return await operator.post(body) == 200
        except aiohttp.ClientError:
            return not operator.running

    await eventually(done, seconds=STARTED_WITHIN_SECONDS)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_pod_is_evicted_once_whenever_the_operator_dies(
    api: client.ApiClient,
    kubernetes: KubernetesApi,
    operator: OperatorProcess,
    alertmanager: FakeAlertmanager,
    when: str,
) -> None:
    await deploy(api, kubernetes, deployment(replicas=3))
    await kubernetes.create_custom("remediationpolicies", policy())
    killed = 0
    for write in range(1, WRITES_OF_AN_INCIDENT + 1):
        before = {pod.metadata.uid: pod.metadata.name for pod in await ready_pods(kubernetes)}
        uid, name = next(iter(before.items()))
        firing = alert(kubernetes.namespace, name)
        alertmanager.fire(firing)
        await operator.start(kill={"KILL_AT": str(write), "KILL_WHEN": when}, ready=False)
        await post_until_taken(operator, message([firing]))
        verifying = await _dies_or_verifies(operator, kubernetes)
        if not verifying:
            killed += 1
            assert await operator.wait() == -signal.SIGKILL
            await operator.start()
            await post_until_taken(operator, message([firing]))
        found = await in_phase(kubernetes, "Verifying")
        alertmanager.fire()

        async def complete() -> bool:
            return len(await ready_pods(kubernetes)) == 3

        await eventually(complete)
        after = {pod.metadata.uid for pod in await ready_pods(kubernetes)}
        assert set(before) - after == {uid}, f"killed {when} write {write}"
        assert len(await remediations(kubernetes)) == 1, f"killed {when} write {write}"
        (step,) = found["status"]["steps"]
        assert [(pod["uid"], pod["state"]) for pod in step["pods"]] == [(uid, "Evicted")]
        await operator.kill()
        await kubernetes.delete_remediation(found["metadata"]["name"], found["metadata"]["uid"])
    assert killed >= 6, "too few writes were hit for the test to mean something"


async def _dies_or_verifies(operator: OperatorProcess, kubernetes: KubernetesApi) -> bool:
    """Wait for either; return whether the incident got as far as Verifying with the operator alive."""

    async def either() -> str | None:
        if not operator.running:
            return "dead"
        items = await remediations(kubernetes)
        return "verifying" if items and items[-1].get("status", {}).get("phase") == "Verifying" else None

    return bool(await eventually(either, seconds=STARTED_WITHIN_SECONDS) == "verifying") and operator.running


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("kind", ["Deployment", "HorizontalPodAutoscaler"])
async def test_scale_out_happens_once_whenever_the_operator_dies(
    api: client.ApiClient,
    kubernetes: KubernetesApi,
    operator: OperatorProcess,
    alertmanager: FakeAlertmanager,
    when: str,
    kind: str,
) -> None:
    await deploy(api, kubernetes, deployment(replicas=1))
    if kind == "HorizontalPodAutoscaler":
        await client.AutoscalingV2Api(api).create_namespaced_horizontal_pod_autoscaler(
            kubernetes.namespace,
            {
                "metadata": {"name": "web"},
                "spec": {
                    "minReplicas": 1,
                    "maxReplicas": 9,
                    "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                },
            },
        )
    step = {"action": "ScaleOut", "when": "Any", "by": 2, "max": 9}
    await kubernetes.create_custom("remediationpolicies", policy(escalation=[step]))
    (pod,) = await ready_pods(kubernetes)
    firing = alert(kubernetes.namespace, pod.metadata.name)
    alertmanager.fire(firing)
    for write in ("create_custom", "patch"):
        await operator.start(kill={"KILL_NAME": write, "KILL_AT": "1", "KILL_WHEN": when}, ready=False)
        await post_until_taken(operator, message([firing]))
        assert await operator.wait() == -signal.SIGKILL
        await operator.start()
        await post_until_taken(operator, message([firing]))
        found = await in_phase(kubernetes, "Verifying")
        (entry,) = found["status"]["steps"]
        assert (entry["scaleKind"], entry["from"], entry["to"]) == (kind, 1, 3)
        if kind == "Deployment":
            assert (await kubernetes.read_target("Deployment", "web")).spec.replicas == 3
        else:
            assert (await kubernetes.read_autoscaler("web")).spec.min_replicas == 3
        await operator.kill()
        await kubernetes.delete_remediation(found["metadata"]["name"], found["metadata"]["uid"])
        await _back_to_one(api, kubernetes, kind)


async def _back_to_one(api: client.ApiClient, kubernetes: KubernetesApi, kind: str) -> None:
    if kind == "Deployment":
        await kubernetes.patch_target("Deployment", "web", [{"op": "replace", "path": "/spec/replicas", "value": 1}])
    else:
        await kubernetes.patch_autoscaler("web", [{"op": "replace", "path": "/spec/minReplicas", "value": 1}])
        await client.AppsV1Api(api).patch_namespaced_deployment_scale(
            "web", kubernetes.namespace, {"spec": {"replicas": 1}}
        )

    async def one() -> bool:
        return len(await ready_pods(kubernetes)) == 1

    await eventually(one)


@pytest.mark.parametrize("when", ["before", "after"])
async def test_rollout_restarts_once_whenever_the_operator_dies(
    api: client.ApiClient,
    kubernetes: KubernetesApi,
    operator: OperatorProcess,
    alertmanager: FakeAlertmanager,
    when: str,
) -> None:
    await deploy(api, kubernetes, deployment(replicas=3))
    step = {"action": "RolloutRestart", "when": "Minority"}
    await kubernetes.create_custom("remediationpolicies", policy(escalation=[step]))
    firing = alert(kubernetes.namespace, (await ready_pods(kubernetes))[0].metadata.name)
    alertmanager.fire(firing)
    await operator.start(kill={"KILL_NAME": "patch", "KILL_AT": "1", "KILL_WHEN": when}, ready=False)
    await post_until_taken(operator, message([firing]))
    assert await operator.wait() == -signal.SIGKILL
    generation = (await kubernetes.read_target("Deployment", "web")).metadata.generation
    await operator.start()
    await in_phase(kubernetes, "Verifying")
    target = await kubernetes.read_target("Deployment", "web")
    assert target.spec.template.metadata.annotations[RESTARTED_FOR_ANNOTATION] == "breaker-1/0"
    assert target.metadata.generation == generation + (1 if when == "before" else 0)
