"""Alerts from someone who means harm: whatever they say, nothing but the policy's own target is touched."""

from typing import Any

import pytest
from kubernetes.aio import client

from remediator.kubernetes_api import KubernetesApi
from remediator.rbac import NAMESPACED_RULES
from support.fake_alertmanager import FakeAlertmanager, alert, message
from support.operator_process import OperatorProcess
from support.workloads import deploy, deployment, policy, ready_pods, remediations

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def _with(base: dict[str, Any], **labels: str) -> dict[str, Any]:
    return {**base, "labels": {**base["labels"], **labels}}


async def test_hostile_alerts_touch_nothing(
    api: client.ApiClient, kubernetes: KubernetesApi, operator: OperatorProcess, alertmanager: FakeAlertmanager
) -> None:
    await deploy(api, kubernetes, deployment(replicas=2))
    own = (await ready_pods(kubernetes))[0].metadata.name
    # Another tenant's pods carry the labels of the target, but nothing of it owns them.
    stray = deployment("web", replicas=1)["spec"]["template"]
    stray["metadata"]["name"] = "stray"
    await client.CoreV1Api(api).create_namespaced_pod(kubernetes.namespace, stray)
    await deploy(api, kubernetes, deployment("other", replicas=1))
    await kubernetes.create_custom("remediationpolicies", policy())
    await operator.start()
    other = (await ready_pods(kubernetes, "other"))[0].metadata.name
    base = alert(kubernetes.namespace, own)
    attacks = [
        _with(base, pod="stray"),
        _with(base, pod=other),
        _with(base, pod="../../../kube-system/pods/x"),
        _with(base, pod="{{ .Env.TOKEN }}$(reboot)\n\x1b[31m"),
        _with(base, namespace="kube-system"),
        _with(base, pod=""),
        _with(base, pod="x" * 100_000),
    ]
    for number, attack in enumerate(attacks, start=1):
        attack["fingerprint"] = f"{number:016x}"
        alertmanager.fire(attack)
        assert await operator.post(message([attack])) == 200
    assert await operator.post(message([{**base, "fingerprint": "../../x"}])) == 400
    assert await operator.post({"version": "3", "alerts": []}) == 400
    assert await operator.post({"version": "4", "alerts": [{"labels": {"x": "y" * (5 << 20)}}]}) == 413
    assert await operator.post(message([base]), token="wrong") == 401
    alertmanager.fire()
    assert await remediations(kubernetes) == []
    assert len(await ready_pods(kubernetes)) == 3
    assert (await kubernetes.read_pod("stray")).metadata.deletion_timestamp is None
    # Of the target's own pod, but with labels that would not fit into a status.
    huge = [
        {**_with(base, service_name=f"{number}" * 60_000), "fingerprint": f"{number:016x}"} for number in range(1, 9)
    ]
    alertmanager.fire(*huge)
    assert await operator.post(message(huge)) == 200
    (remediation,) = await remediations(kubernetes)
    assert len(str(remediation)) < 50_000
    assert operator.running


async def test_account_may_do_what_is_listed_and_nothing_else(
    api: client.ApiClient, namespace: str, operator: OperatorProcess
) -> None:
    review = client.V1SelfSubjectRulesReview(spec=client.V1SelfSubjectRulesReviewSpec(namespace=namespace))
    configuration = client.Configuration()
    configuration.host = api.configuration.host
    configuration.ssl_ca_cert = api.configuration.ssl_ca_cert
    configuration.api_key["BearerToken"] = f"Bearer {operator.service_account_token}"
    async with client.ApiClient(configuration) as account:
        answer = await client.AuthorizationV1Api(account).create_self_subject_rules_review(review)
    granted = {
        (group, resource, verb)
        for rule in answer.status.resource_rules
        for group in rule.api_groups or []
        for resource in rule.resources or []
        for verb in rule.verbs
        if not resource.startswith("self")
    }
    listed = {
        (rule.group, resource, verb) for rule in NAMESPACED_RULES for resource in rule.resources for verb in rule.verbs
    }
    assert granted == listed
