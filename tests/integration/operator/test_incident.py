"""One incident from the webhook to its end, on a real API server."""

import pytest
from kubernetes.aio import client

from remediator.kubernetes_api import KubernetesApi
from support.fake_alertmanager import FakeAlertmanager, alert, message
from support.operator_process import OperatorProcess
from support.workloads import deploy, deployment, eventually, in_phase, policy, ready_pods, remediations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(360)]


async def test_affected_pod_is_replaced_and_the_incident_succeeds(
    api: client.ApiClient, kubernetes: KubernetesApi, operator: OperatorProcess, alertmanager: FakeAlertmanager
) -> None:
    await deploy(api, kubernetes, deployment(replicas=3))
    before = {pod.metadata.uid: pod.metadata.name for pod in await ready_pods(kubernetes)}
    victim_uid, victim = next(iter(before.items()))
    await kubernetes.create_custom("remediationpolicies", policy())
    await operator.start()

    firing = alert(kubernetes.namespace, victim)
    alertmanager.fire(firing)
    assert await operator.post(message([firing])) == 200
    # The answer was 200, so the incident is written down already.
    (remediation,) = await remediations(kubernetes)
    assert remediation["status"]["alerts"][0]["pod"] == victim
    assert remediation["metadata"]["ownerReferences"][0]["kind"] == "RemediationPolicy"

    await in_phase(kubernetes, "Verifying")
    alertmanager.fire()
    done = await in_phase(kubernetes, "Succeeded", seconds=300)

    after = {pod.metadata.uid for pod in await ready_pods(kubernetes)}
    assert set(before) - after == {victim_uid}
    (step,) = done["status"]["steps"]
    assert (step["action"], step["result"]) == ("RestartPods", "Succeeded")
    assert step["pods"] == [{**step["pods"][0], "name": victim, "uid": victim_uid, "state": "Evicted"}]
    assert {item["type"]: item["status"] for item in done["status"]["conditions"]}["Cleared"] == "True"
    assert await operator.metric("remediator_actions_total", action="RestartPods", result="Accepted") == 1

    async def told() -> bool:
        events = await client.CoreV1Api(api).list_namespaced_event(kubernetes.namespace)
        about = {event.involved_object.kind for event in events.items if event.action == "RestartPods"}
        return about == {"RemediationPolicy", "Deployment"}

    await eventually(told, seconds=10)
    written = (await kubernetes.read_custom("remediationpolicies", "breaker"))["status"]
    assert (written["counter"], written.get("activeRemediation")) == (1, None)
    assert await operator.terminate() == 0


async def test_shared_outage_is_held_and_says_why(
    api: client.ApiClient, kubernetes: KubernetesApi, operator: OperatorProcess, alertmanager: FakeAlertmanager
) -> None:
    await deploy(api, kubernetes, deployment(replicas=3))
    uids = {pod.metadata.uid for pod in await ready_pods(kubernetes)}
    await kubernetes.create_custom("remediationpolicies", policy())
    await operator.start()
    firing = [alert(kubernetes.namespace, pod.metadata.name) for pod in await ready_pods(kubernetes)]
    alertmanager.fire(*firing)
    # Shared outages look like a minority first: the alerts come one by one.
    for one in firing:
        assert await operator.post(message([one])) == 200
    held = await in_phase(kubernetes, "Gated")
    assert held["status"]["reason"] == "SharedFault"
    assert "3 of 3" in held["status"]["message"]
    assert {pod.metadata.uid for pod in await ready_pods(kubernetes)} == uids
    assert len(await remediations(kubernetes)) == 1


async def test_target_without_the_annotation_is_left_alone(
    api: client.ApiClient, kubernetes: KubernetesApi, operator: OperatorProcess, alertmanager: FakeAlertmanager
) -> None:
    await deploy(api, kubernetes, deployment(replicas=2, allow=False))
    await kubernetes.create_custom("remediationpolicies", policy())
    await operator.start()
    firing = alert(kubernetes.namespace, (await ready_pods(kubernetes))[0].metadata.name)
    alertmanager.fire(firing)
    assert await operator.post(message([firing])) == 200
    assert await remediations(kubernetes) == []

    async def told() -> bool:
        events = await client.CoreV1Api(api).list_namespaced_event(kubernetes.namespace)
        return any(event.reason == "NotOptedIn" for event in events.items)

    await eventually(told, seconds=10)
    assert await operator.metric("remediator_decisions_total", reason="NotOptedIn") == 1
