"""What the world does to an operator: an API server that is away, cut watches, a rotated token, a deaf Alertmanager."""

import asyncio

import pytest
from kubernetes.aio import client

from remediator.api.names import PAUSED_ANNOTATION
from remediator.kubernetes_api import KubernetesApi
from support.fake_alertmanager import FakeAlertmanager, alert, message
from support.fault_proxy import FaultProxy
from support.operator_process import OperatorProcess
from support.workloads import deploy, deployment, eventually, in_phase, policy, ready_pods, remediations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

AWAY_SECONDS = 120


async def test_api_server_away_for_two_minutes(
    api: client.ApiClient,
    kubernetes: KubernetesApi,
    operator: OperatorProcess,
    alertmanager: FakeAlertmanager,
    proxy: FaultProxy,
) -> None:
    await deploy(api, kubernetes, deployment(replicas=3))
    await kubernetes.create_custom("remediationpolicies", policy())
    await operator.start()
    proxy.down = True
    proxy.cut()
    firing = alert(kubernetes.namespace, (await ready_pods(kubernetes))[0].metadata.name)
    alertmanager.fire(firing)
    # Nothing can be written, so Alertmanager must keep the alert; the process stays alive all the while.
    assert await operator.post(message([firing])) == 503
    for _ in range(AWAY_SECONDS // 10):
        await asyncio.sleep(10)
        assert operator.running
        assert (await operator.get("/livez"))[0] == 200
    assert await operator.post(message([firing])) == 503
    assert await remediations(kubernetes) == []
    proxy.down = False

    async def taken() -> bool:
        return await operator.post(message([firing])) == 200

    await eventually(taken, seconds=30)
    await in_phase(kubernetes, "Verifying")
    assert len(await remediations(kubernetes)) == 1


async def test_cut_watches_are_taken_up_again(
    api: client.ApiClient,
    kubernetes: KubernetesApi,
    operator: OperatorProcess,
    alertmanager: FakeAlertmanager,
    proxy: FaultProxy,
) -> None:
    await deploy(api, kubernetes, deployment(replicas=3))
    await operator.start()
    for _ in range(3):
        proxy.cut()
        await asyncio.sleep(1)
    # A policy that is made after the cut is seen by a watch or not at all.
    await kubernetes.create_custom("remediationpolicies", policy())
    firing = alert(kubernetes.namespace, (await ready_pods(kubernetes))[0].metadata.name)
    alertmanager.fire(firing)

    async def opened() -> bool:
        assert await operator.post(message([firing])) == 200
        return bool(await remediations(kubernetes))

    await eventually(opened, seconds=30, every=1)
    await in_phase(kubernetes, "Verifying")


async def test_rotated_token_is_taken_without_a_restart(operator: OperatorProcess) -> None:
    await operator.start()
    assert await operator.post(message([]), token="another") == 401
    operator.token_file.write_text("another")

    async def rotated() -> bool:
        return await operator.post(message([]), token="another") == 200

    await eventually(rotated, seconds=15)


async def test_unreachable_alertmanager_starts_nothing_and_ends_nothing(
    api: client.ApiClient, kubernetes: KubernetesApi, operator: OperatorProcess, alertmanager: FakeAlertmanager
) -> None:
    await deploy(api, kubernetes, deployment(replicas=3))
    await kubernetes.create_custom("remediationpolicies", policy())
    await operator.start()
    firing = alert(kubernetes.namespace, (await ready_pods(kubernetes))[0].metadata.name)
    alertmanager.down = True

    async def noticed() -> bool:
        return await operator.metric("remediator_source_up", source="alertmanager") == 0

    await eventually(noticed)
    assert await operator.post(message([firing])) == 503
    assert await remediations(kubernetes) == []
    alertmanager.fire(firing)
    alertmanager.down = False
    await in_phase(kubernetes, "Verifying")
    alertmanager.down = True

    async def held() -> bool:
        (remediation,) = await remediations(kubernetes)
        conditions = {item["type"]: item["status"] for item in remediation["status"]["conditions"]}
        return conditions["Signals"] == "False" and remediation["status"]["phase"] == "Verifying"

    await eventually(held)


async def test_missing_watchdog_is_not_recovery(
    api: client.ApiClient, kubernetes: KubernetesApi, operator: OperatorProcess, alertmanager: FakeAlertmanager
) -> None:
    await deploy(api, kubernetes, deployment(replicas=3))
    await kubernetes.create_custom("remediationpolicies", policy())
    await operator.start()
    firing = alert(kubernetes.namespace, (await ready_pods(kubernetes))[0].metadata.name)
    alertmanager.fire(firing)
    await in_phase(kubernetes, "Verifying")
    alertmanager.alerts = []

    async def unknown() -> bool:
        (remediation,) = await remediations(kubernetes)
        conditions = {item["type"]: item["status"] for item in remediation["status"]["conditions"]}
        return conditions["Cleared"] == "Unknown"

    await eventually(unknown)


async def test_duplicates_of_an_alertmanager_pair_are_one_incident(
    api: client.ApiClient, kubernetes: KubernetesApi, operator: OperatorProcess, alertmanager: FakeAlertmanager
) -> None:
    await deploy(api, kubernetes, deployment(replicas=3))
    await kubernetes.create_custom("remediationpolicies", policy())
    await operator.start()
    before = {pod.metadata.uid for pod in await ready_pods(kubernetes)}
    firing = alert(kubernetes.namespace, (await ready_pods(kubernetes))[0].metadata.name)
    alertmanager.fire(firing)
    answers = await asyncio.gather(*(operator.post(message([firing])) for _ in range(8)))
    assert set(answers) == {200}
    await in_phase(kubernetes, "Verifying")
    await asyncio.gather(*(operator.post(message([firing])) for _ in range(8)))
    assert len(await remediations(kubernetes)) == 1

    async def complete() -> bool:
        return len(await ready_pods(kubernetes)) == 3

    await eventually(complete)
    assert len(before - {pod.metadata.uid for pod in await ready_pods(kubernetes)}) == 1


async def test_disruption_budget_gates_and_the_kill_switch_stops(
    api: client.ApiClient, kubernetes: KubernetesApi, operator: OperatorProcess, alertmanager: FakeAlertmanager
) -> None:
    await deploy(api, kubernetes, deployment(replicas=3))
    budget = {"metadata": {"name": "web"}, "spec": {"minAvailable": 3, "selector": {"matchLabels": {"app": "web"}}}}
    await client.PolicyV1Api(api).create_namespaced_pod_disruption_budget(kubernetes.namespace, budget)
    before = {pod.metadata.uid for pod in await ready_pods(kubernetes)}
    await kubernetes.create_custom("remediationpolicies", policy())
    await operator.start()
    firing = alert(kubernetes.namespace, (await ready_pods(kubernetes))[0].metadata.name)
    alertmanager.fire(firing)
    assert await operator.post(message([firing])) == 200
    gated = await in_phase(kubernetes, "Gated")
    assert gated["status"]["reason"] == "DisruptionBudget"
    core = client.CoreV1Api(api)
    await core.patch_namespace(kubernetes.namespace, {"metadata": {"annotations": {PAUSED_ANNOTATION: "true"}}})
    await client.PolicyV1Api(api).patch_namespaced_pod_disruption_budget(
        "web", kubernetes.namespace, {"spec": {"minAvailable": 1}}
    )

    async def paused() -> bool:
        (remediation,) = await remediations(kubernetes)
        return bool(remediation["status"]["reason"] == "Paused")

    await eventually(paused)
    assert {pod.metadata.uid for pod in await ready_pods(kubernetes)} == before
    await core.patch_namespace(kubernetes.namespace, {"metadata": {"annotations": {PAUSED_ANNOTATION: None}}})
    await in_phase(kubernetes, "Verifying")


async def test_target_that_is_deleted_in_the_middle_fails_the_incident(
    api: client.ApiClient, kubernetes: KubernetesApi, operator: OperatorProcess, alertmanager: FakeAlertmanager
) -> None:
    await deploy(api, kubernetes, deployment(replicas=3))
    await kubernetes.create_custom("remediationpolicies", policy())
    await operator.start()
    alertmanager.fire(alert(kubernetes.namespace, (await ready_pods(kubernetes))[0].metadata.name))
    await in_phase(kubernetes, "Verifying")
    await client.AppsV1Api(api).delete_namespaced_deployment("web", kubernetes.namespace)
    failed = await in_phase(kubernetes, "Failed")
    assert failed["status"]["reason"] == "TargetGone"


async def test_policy_that_is_paused_in_the_middle_takes_no_further_step(
    api: client.ApiClient, kubernetes: KubernetesApi, operator: OperatorProcess, alertmanager: FakeAlertmanager
) -> None:
    await deploy(api, kubernetes, deployment(replicas=3))
    before = {pod.metadata.uid for pod in await ready_pods(kubernetes)}
    await kubernetes.create_custom("remediationpolicies", policy())
    operator.environment["REMEDIATOR_SETTLING_SECONDS"] = "4"
    await operator.start()
    firing = alert(kubernetes.namespace, (await ready_pods(kubernetes))[0].metadata.name)
    alertmanager.fire(firing)
    assert await operator.post(message([firing])) == 200
    await client.CustomObjectsApi(api).patch_namespaced_custom_object(
        "remediation.bot-gateway.dev",
        "v1alpha1",
        kubernetes.namespace,
        "remediationpolicies",
        "breaker",
        {"spec": {"mode": "Paused"}},
        _content_type="application/merge-patch+json",
    )
    gated = await in_phase(kubernetes, "Gated")
    assert gated["status"]["reason"] == "Paused"
    assert {pod.metadata.uid for pod in await ready_pods(kubernetes)} == before
