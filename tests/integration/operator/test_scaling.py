"""Scaling out and taking it back, with the real HPA controller and with KEDA's kind, and against someone else."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from kubernetes.aio import client

from remediator.act.scale import ScaleOwner, read_scale
from remediator.api.names import BASELINE_ANNOTATION
from remediator.api.remediation import ScaleKind
from remediator.kubernetes_api import KubernetesApi
from support.fake_alertmanager import FakeAlertmanager, alert, message
from support.operator_process import OperatorProcess
from support.workloads import deploy, deployment, eventually, in_phase, policy, ready_pods, remediations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

SCALE_OUT = {"action": "ScaleOut", "when": "Any", "by": 2, "max": 5}
KEDA = "scaledobjects.keda.sh"


@pytest.fixture
async def keda(api: client.ApiClient) -> AsyncIterator[None]:
    """KEDA's kind, where KEDA is not installed: its API is what matters here, not its controller."""
    extensions = client.ApiextensionsV1Api(api)
    names = {
        "plural": "scaledobjects",
        "singular": "scaledobject",
        "kind": "ScaledObject",
        "listKind": "ScaledObjectList",
    }
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    body = {
        "metadata": {"name": KEDA, "annotations": {"api-approved.kubernetes.io": "unapproved, for a test"}},
        "spec": {"group": "keda.sh", "scope": "Namespaced", "names": names, "versions": [version]},
    }
    try:
        await extensions.create_custom_resource_definition(body)
    except client.ApiException as error:
        if error.status != 409:
            raise
        yield
        return
    try:

        async def served() -> bool:
            found = await extensions.read_custom_resource_definition(KEDA)
            conditions = (found.status.conditions if found.status else None) or []
            return any(item.type == "Established" and item.status == "True" for item in conditions)

        await eventually(served)
        yield
    finally:
        await extensions.delete_custom_resource_definition(KEDA)


async def _load_alert(
    kubernetes: KubernetesApi, operator: OperatorProcess, alertmanager: FakeAlertmanager
) -> dict[str, Any]:
    """Let an alert fire that the policy takes for load, and return the remediation once it scaled out."""
    await kubernetes.create_custom("remediationpolicies", policy(escalation=[SCALE_OUT]))
    await operator.start()
    firing = alert(kubernetes.namespace, (await ready_pods(kubernetes))[0].metadata.name)
    alertmanager.fire(firing)
    assert await operator.post(message([firing])) == 200
    return await in_phase(kubernetes, "Verifying")


async def test_hpa_minimum_is_raised_and_taken_back(
    api: client.ApiClient, kubernetes: KubernetesApi, operator: OperatorProcess, alertmanager: FakeAlertmanager
) -> None:
    await deploy(api, kubernetes, deployment(replicas=2))
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    await client.AutoscalingV2Api(api).create_namespaced_horizontal_pod_autoscaler(
        kubernetes.namespace,
        {
            "metadata": {"name": "web"},
            "spec": {
                "minReplicas": 2,
                "maxReplicas": 6,
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
                "metrics": [{"type": "Resource", "resource": cpu}],
            },
        },
    )
    await _load_alert(kubernetes, operator, alertmanager)
    owner = ScaleOwner(ScaleKind.HORIZONTAL_POD_AUTOSCALER, "web")
    raised = await read_scale(kubernetes, owner)
    assert (raised.value, raised.managers) == (4, {"remediator"})
    # The baseline outlives the Remediation on what was scaled and on the target.
    assert '"replicas": 2' in raised.annotations[BASELINE_ANNOTATION]
    target = await kubernetes.read_target("Deployment", "web")
    assert '"replicas": 2' in target.metadata.annotations[BASELINE_ANNOTATION]

    async def four() -> bool:
        return len(await ready_pods(kubernetes)) == 4

    await eventually(four, seconds=90)
    alertmanager.fire()
    done = await in_phase(kubernetes, "Succeeded", seconds=480)
    assert done["status"]["reason"] == "Reverted"
    assert [step["action"] for step in done["status"]["steps"]] == ["ScaleOut", "Revert"]
    back = await read_scale(kubernetes, owner)
    assert back.value == 2
    assert BASELINE_ANNOTATION not in back.annotations
    assert all(entry.manager != "remediator" for entry in back.managed_fields)
    target = await kubernetes.read_target("Deployment", "web")
    assert BASELINE_ANNOTATION not in target.metadata.annotations
    assert all(entry.manager != "remediator" for entry in target.metadata.managed_fields)


async def test_number_that_someone_else_changed_is_theirs(
    api: client.ApiClient, kubernetes: KubernetesApi, operator: OperatorProcess, alertmanager: FakeAlertmanager
) -> None:
    await deploy(api, kubernetes, deployment(replicas=1))
    await _load_alert(kubernetes, operator, alertmanager)
    assert (await kubernetes.read_target("Deployment", "web")).spec.replicas == 3
    await client.AppsV1Api(api).patch_namespaced_deployment_scale(
        "web", kubernetes.namespace, {"spec": {"replicas": 4}}, field_manager="a-person"
    )
    alertmanager.fire()
    done = await in_phase(kubernetes, "Succeeded", seconds=400)
    assert done["status"]["reason"] == "TargetChanged"
    target = await kubernetes.read_target("Deployment", "web")
    assert target.spec.replicas == 4
    assert all(entry.manager != "remediator" for entry in target.metadata.managed_fields)


async def test_keda_minimum_is_raised_and_the_replicas_are_left_alone(
    api: client.ApiClient,
    kubernetes: KubernetesApi,
    operator: OperatorProcess,
    alertmanager: FakeAlertmanager,
    keda: None,
) -> None:
    await deploy(api, kubernetes, deployment(replicas=1))
    custom = client.CustomObjectsApi(api)
    scaled = {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": "web-scaler"},
        "spec": {"scaleTargetRef": {"name": "web"}, "maxReplicaCount": 4},
    }
    await custom.create_namespaced_custom_object("keda.sh", "v1alpha1", kubernetes.namespace, "scaledobjects", scaled)
    found = await _load_alert(kubernetes, operator, alertmanager)
    (step,) = found["status"]["steps"]
    assert (step["scaleKind"], step["from"], step["to"]) == ("ScaledObject", 0, 3)
    assert (await kubernetes.read_scaled_object("web-scaler"))["spec"]["minReplicaCount"] == 3
    assert (await kubernetes.read_target("Deployment", "web")).spec.replicas == 1
    assert len(await remediations(kubernetes)) == 1


async def test_scale_out_of_a_deleted_policy_is_taken_back_by_an_operator_that_is_installed_anew(
    api: client.ApiClient, kubernetes: KubernetesApi, operator: OperatorProcess, alertmanager: FakeAlertmanager
) -> None:
    await deploy(api, kubernetes, deployment(replicas=1))
    await _load_alert(kubernetes, operator, alertmanager)
    await operator.kill()
    await client.CustomObjectsApi(api).delete_namespaced_custom_object(
        "remediation.bot-gateway.dev", "v1alpha1", kubernetes.namespace, "remediationpolicies", "breaker"
    )

    async def forgotten() -> bool:
        return await remediations(kubernetes) == []

    # The API server deletes the Remediations with the policy that owns them.
    await eventually(forgotten)
    target = await kubernetes.read_target("Deployment", "web")
    assert target.spec.replicas == 3
    assert '"replicas": 1' in target.metadata.annotations[BASELINE_ANNOTATION]
    alertmanager.fire()
    await kubernetes.create_custom("remediationpolicies", policy(escalation=[SCALE_OUT]))
    await operator.start()
    done = await in_phase(kubernetes, "Succeeded", seconds=400)
    assert done["status"]["reason"] == "Reverted"
    assert [step["action"] for step in done["status"]["steps"]] == ["ScaleOut", "Revert"]
    target = await kubernetes.read_target("Deployment", "web")
    assert target.spec.replicas == 1
    assert BASELINE_ANNOTATION not in target.metadata.annotations
    assert all(entry.manager != "remediator" for entry in target.metadata.managed_fields)
