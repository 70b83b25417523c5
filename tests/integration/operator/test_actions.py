"""The actions on a real API server: each done once, however often it is tried."""

import pytest
from kubernetes.aio import client

from remediator.act.pods import restart_pod
from remediator.act.rollout import restart_rollout
from remediator.act.scale import ScaleOwner, read_scale, release, set_scale
from remediator.api.names import BASELINE_ANNOTATION
from remediator.api.remediation import ScaleKind
from remediator.decide.decision import ActResult
from remediator.kubernetes_api import KubernetesApi
from support.workloads import deploy, deployment, eventually, ready_pods

pytestmark = pytest.mark.e2e


async def test_pod_is_evicted_once(api: client.ApiClient, kubernetes: KubernetesApi) -> None:
    await deploy(api, kubernetes, deployment(replicas=2))
    victim = (await ready_pods(kubernetes))[0].metadata
    first = await restart_pod(kubernetes, victim.name, victim.uid)
    second = await restart_pod(kubernetes, victim.name, victim.uid)
    assert (first.result, second.result) == (ActResult.ACCEPTED, ActResult.ALREADY_DONE)

    async def replaced() -> bool:
        pods = await ready_pods(kubernetes)
        return len(pods) == 2 and all(pod.metadata.uid != victim.uid for pod in pods)

    await eventually(replaced)


async def test_wrong_uid_does_not_touch_the_pod(api: client.ApiClient, kubernetes: KubernetesApi) -> None:
    await deploy(api, kubernetes, deployment(replicas=1))
    pod = (await ready_pods(kubernetes))[0].metadata
    outcome = await restart_pod(kubernetes, pod.name, "00000000-0000-0000-0000-000000000000")
    assert outcome.result is ActResult.ALREADY_DONE
    assert (await kubernetes.read_pod(pod.name)).metadata.deletion_timestamp is None


async def test_disruption_budget_blocks_the_eviction(api: client.ApiClient, kubernetes: KubernetesApi) -> None:
    await deploy(api, kubernetes, deployment(replicas=2))
    await client.PolicyV1Api(api).create_namespaced_pod_disruption_budget(
        kubernetes.namespace,
        {
            "metadata": {"name": "web"},
            "spec": {"minAvailable": 2, "selector": {"matchLabels": {"app": "web"}}},
        },
    )

    async def budget_is_observed() -> bool:
        budgets = await kubernetes.list_disruption_budgets()
        return bool(budgets and budgets[0].get("status", {}).get("observedGeneration"))

    await eventually(budget_is_observed)
    pod = (await ready_pods(kubernetes))[0].metadata
    outcome = await restart_pod(kubernetes, pod.name, pod.uid)
    assert outcome.result is ActResult.BLOCKED
    assert "disruption budget" in outcome.message
    assert (await kubernetes.read_pod(pod.name)).metadata.deletion_timestamp is None


async def test_rollout_restart_is_the_same_for_the_same_step(api: client.ApiClient, kubernetes: KubernetesApi) -> None:
    await deploy(api, kubernetes, deployment(replicas=1))
    first = await restart_rollout(kubernetes, "Deployment", "web", "demo-1/2")
    generation = (await kubernetes.read_target("Deployment", "web")).metadata.generation
    second = await restart_rollout(kubernetes, "Deployment", "web", "demo-1/2")
    assert (first.result, second.result) == (ActResult.ACCEPTED, ActResult.ALREADY_DONE)
    assert (await kubernetes.read_target("Deployment", "web")).metadata.generation == generation


async def test_scaling_a_deployment_and_back(api: client.ApiClient, kubernetes: KubernetesApi) -> None:
    await deploy(api, kubernetes, deployment(replicas=1))
    owner = ScaleOwner(ScaleKind.DEPLOYMENT, "web")
    out = await set_scale(kubernetes, owner, 1, 3, baseline='{"replicas": 1}')
    again = await set_scale(kubernetes, owner, 1, 3)
    assert (out.result, again.result) == (ActResult.ACCEPTED, ActResult.ALREADY_DONE)
    assert (await read_scale(kubernetes, owner)).annotations[BASELINE_ANNOTATION] == '{"replicas": 1}'
    back = await set_scale(kubernetes, owner, 3, 1, only_ours=True)
    assert back.result is ActResult.ACCEPTED
    assert (await release(kubernetes, owner)).result is ActResult.ACCEPTED
    after = await read_scale(kubernetes, owner)
    assert BASELINE_ANNOTATION not in after.annotations
    assert "remediator" not in after.managers
    assert all(entry.manager != "remediator" for entry in after.managed_fields)


async def test_another_number_is_left_alone(api: client.ApiClient, kubernetes: KubernetesApi) -> None:
    await deploy(api, kubernetes, deployment(replicas=1))
    owner = ScaleOwner(ScaleKind.DEPLOYMENT, "web")
    await set_scale(kubernetes, owner, 1, 2)
    await client.AppsV1Api(api).patch_namespaced_deployment_scale(
        "web", kubernetes.namespace, {"spec": {"replicas": 3}}, field_manager="a-person"
    )
    outcome = await set_scale(kubernetes, owner, 2, 1, only_ours=True)
    assert outcome.result is ActResult.TARGET_CHANGED
    assert (await read_scale(kubernetes, owner)).value == 3


async def test_same_number_set_by_another_is_not_reverted(api: client.ApiClient, kubernetes: KubernetesApi) -> None:
    await deploy(api, kubernetes, deployment(replicas=1))
    owner = ScaleOwner(ScaleKind.DEPLOYMENT, "web")
    await client.AppsV1Api(api).patch_namespaced_deployment_scale(
        "web", kubernetes.namespace, {"spec": {"replicas": 2}}, field_manager="a-person"
    )
    outcome = await set_scale(kubernetes, owner, 2, 1, only_ours=True)
    assert outcome.result is ActResult.TARGET_CHANGED
    assert "a-person" in outcome.message


async def test_autoscaler_is_raised_by_its_minimum(api: client.ApiClient, kubernetes: KubernetesApi) -> None:
    await deploy(api, kubernetes, deployment(replicas=1))
    await client.AutoscalingV2Api(api).create_namespaced_horizontal_pod_autoscaler(
        kubernetes.namespace,
        {
            "metadata": {"name": "web"},
            "spec": {
                "minReplicas": 1,
                "maxReplicas": 4,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
                    }
                ],
            },
        },
    )
    owner = ScaleOwner(ScaleKind.HORIZONTAL_POD_AUTOSCALER, "web")
    assert (await set_scale(kubernetes, owner, 1, 3)).result is ActResult.ACCEPTED
    too_many = await set_scale(kubernetes, owner, 3, 5)
    assert too_many.result is ActResult.REFUSED

    async def three_pods() -> bool:
        return len(await ready_pods(kubernetes)) == 3

    await eventually(three_pods, seconds=90)
    assert (await set_scale(kubernetes, owner, 3, 1, only_ours=True)).result is ActResult.ACCEPTED
    await release(kubernetes, owner)
    assert "remediator" not in (await read_scale(kubernetes, owner)).managers
