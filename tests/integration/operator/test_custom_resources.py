"""The custom resources on a real API server: what it fills in, what it refuses and with which sentence."""

from typing import Any

import pytest
from kubernetes.aio import client

from remediator.api.names import GROUP, POLICY_PLURAL, REMEDIATION_PLURAL, VERSION
from remediator.api.policy import Policy

pytestmark = pytest.mark.e2e

LEAST: dict[str, Any] = {"targetRef": {"name": "gw"}, "alerts": ['alertname="CircuitBreakerOpen"']}
SCALE_OUT = {"action": "ScaleOut", "when": "Majority", "by": 1, "max": 5}


@pytest.fixture
async def objects(api: client.ApiClient, crds: None) -> client.CustomObjectsApi:
    return client.CustomObjectsApi(api)


async def _create(objects: client.CustomObjectsApi, namespace: str, **spec: Any) -> dict[str, Any]:
    body = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "RemediationPolicy",
        "metadata": {"name": "p"},
        "spec": {**LEAST, **spec},
    }
    created: dict[str, Any] = await objects.create_namespaced_custom_object(
        GROUP, VERSION, namespace, POLICY_PLURAL, body, field_validation="Strict"
    )
    return created


async def test_the_defaults_of_the_server_are_those_of_the_model(
    objects: client.CustomObjectsApi, namespace: str
) -> None:
    created = await _create(objects, namespace)
    bare = {"metadata": created["metadata"], "spec": LEAST}
    assert Policy.from_object(created) == Policy.from_object(bare)


@pytest.mark.parametrize(
    "spec",
    [
        {"alerts": ["alertname=CircuitBreakerOpen", 'severity=~"critical|warning"', 'team!=""', 'x!~"y"']},
        {"escalation": [{"action": "Hold", "verify": {"timeout": "1h"}}, SCALE_OUT]},
        {"guards": {"minHealthy": 2, "maxReplicas": 5, "budgets": [{"actions": 1, "per": "1h30m"}]}},
        {"guards": {"quietWindows": [{"from": "22:00", "to": "06:00", "days": ["Sat"], "timeZone": "Asia/Tashkent"}]}},
        {"targetRef": {"kind": "StatefulSet", "name": "db"}, "mode": "Paused", "revert": {"enabled": False}},
    ],
)
async def test_a_right_policy_is_taken_by_the_server_and_by_the_model(
    objects: client.CustomObjectsApi, namespace: str, spec: dict[str, Any]
) -> None:
    assert Policy.from_object(await _create(objects, namespace, **spec)).spec


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        ({"alerts": ["CircuitBreakerOpen"]}, "`CircuitBreakerOpen` is not a matcher: write label, operator"),
        ({"alerts": ['alertname=~".+"']}, "otherwise the policy would answer every alert"),
        ({"alerts": ['alertname=""']}, "otherwise the policy would answer every alert"),
        ({"alerts": []}, "should have at least 1 items"),
        ({"mode": "Automatic"}, 'supported values: "Enforce", "DryRun", "Paused"'),
        ({"targetRef": {"kind": "DaemonSet", "name": "x"}}, 'supported values: "Deployment", "StatefulSet"'),
        ({"escalation": [{"action": "RestartPods", "when": "Majority"}]}, "RestartPods is for `when: Minority` only"),
        ({"escalation": [{"action": "RolloutRestart", "when": "Any"}]}, "a restart does not help"),
        ({"escalation": [{"action": "ScaleOut"}]}, "ScaleOut needs `by` and `max`: how many replicas to add"),
        ({"escalation": [{"action": "ScaleOut"}]}, "ScaleOut needs `when`: Majority says that load is the cause"),
        ({"alerts": ['alertname="A"', 'pod=~"("']}, "the regular expression of the matcher does not compile"),
        ({"escalation": [{"action": "Hold", "max": 3}]}, "`by` and `max` belong to ScaleOut only"),
        ({"escalation": [SCALE_OUT], "guards": {"maxReplicas": 4}}, "is above guards.maxReplicas"),
        ({"escalation": [{"action": "Hold", "verify": {"timeout": "2h"}}]}, "verify.timeout is between 1m and 1h"),
        ({"verification": {"stableFor": "60s"}}, "stableFor is at least 3m"),
        ({"guards": {"minHealthy": "half"}}, "such as 50%"),
        ({"guards": {"minHealthy": -1}}, "such as 50%"),
        ({"guards": {"cooldown": "10s"}}, "cooldown is between 1m and 24h, such as 10m"),
        ({"guards": {"budgets": [{"actions": 1, "per": "30s"}]}}, "the window of a budget is between 1m and 168h"),
        ({"handover": {"gatedFor": "0s"}}, "gatedFor is between 1m and 24h"),
        ({"escalaton": []}, 'unknown field "spec.escalaton"'),
    ],
)
async def test_a_wrong_policy_is_refused_with_a_sentence(
    objects: client.CustomObjectsApi, namespace: str, spec: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(client.ApiException) as refusal:
        await _create(objects, namespace, **spec)
    assert refusal.value.status in {400, 422}
    assert sentence in str(refusal.value.body).replace('\\"', '"')


async def test_a_remediation_is_a_record(objects: client.CustomObjectsApi, namespace: str) -> None:
    body: dict[str, Any] = {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "Remediation",
        "metadata": {"name": "p-1"},
        "spec": {"policyName": "p", "targetRef": {"name": "gw"}},
    }
    where = (GROUP, VERSION, namespace, REMEDIATION_PLURAL)
    created: dict[str, Any] = await objects.create_namespaced_custom_object(*where, body)
    created["status"] = {"phase": "HandedOver"}
    ended = await objects.replace_namespaced_custom_object_status(*where, "p-1", created)
    with pytest.raises(client.ApiException, match="an ended Remediation stays ended"):
        await objects.replace_namespaced_custom_object_status(*where, "p-1", {**ended, "status": {"phase": "Acting"}})
    changed = {**ended, "spec": {**ended["spec"], "policyName": "q"}}
    with pytest.raises(client.ApiException, match="is a record and cannot be changed"):
        await objects.replace_namespaced_custom_object(*where, "p-1", changed)
