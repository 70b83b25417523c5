"""The operator in the chart: its rights, settings and policy."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from remediator.api.policy import PolicySpec
from remediator.rbac import NAMESPACED_RULES
from remediator.settings import ENV_PREFIX, Settings
from support.charts import MONITORING_API, gateway

NAME = "bot-gateway-remediator"
POLICY = "bot-gateway-circuit-breaker"


def environment(values: dict[str, Any] | None = None, **options: Any) -> dict[str, str]:
    pod = gateway(values, **options).one("Deployment", NAME)["spec"]["template"]["spec"]
    return {variable["name"]: variable.get("value", "") for variable in pod["containers"][0]["env"]}


def test_the_role_grants_what_the_operator_needs_and_no_more() -> None:
    granted = {
        (group, resource, frozenset(rule["verbs"]))
        for rule in gateway().one("Role", NAME)["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    needed = {(rule.group, resource, frozenset(rule.verbs)) for rule in NAMESPACED_RULES for resource in rule.resources}
    assert granted == needed


def test_nothing_is_granted_in_the_whole_cluster() -> None:
    rendering = gateway()
    assert rendering.kind("ClusterRole") == []
    assert rendering.kind("ClusterRoleBinding") == []
    (subject,) = rendering.one("RoleBinding", NAME)["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": NAME, "namespace": "bots"}


def test_every_variable_is_a_setting_of_the_operator() -> None:
    assert {name.removeprefix(ENV_PREFIX).lower() for name in environment()} <= set(Settings.model_fields)


def test_the_token_comes_from_a_file() -> None:
    pod = gateway().one("Deployment", NAME)["spec"]["template"]["spec"]
    (volume,) = [volume for volume in pod["volumes"] if "secret" in volume]
    (mount,) = [mount for mount in pod["containers"][0]["volumeMounts"] if mount["name"] == volume["name"]]
    assert volume["secret"]["items"] == [{"key": "remediator-token", "path": "token"}]
    assert environment()["REMEDIATOR_WEBHOOK_TOKEN_FILE"] == f"{mount['mountPath']}/token"
    assert not any("TOKEN" in name and not name.endswith("_FILE") for name in environment())


def test_one_replica_at_a_time() -> None:
    spec = gateway().one("Deployment", NAME)["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_the_policy_is_valid_and_a_dry_run_by_default() -> None:
    spec = PolicySpec.model_validate(gateway().one("RemediationPolicy", POLICY)["spec"])
    assert spec.mode == "DryRun"
    assert str(spec.target_ref) == "Deployment/bot-gateway"
    assert [str(matcher) for matcher in spec.alerts] == [
        'service="bot-gateway"',
        'alertname=~"BackendOutlier|CircuitBreakerOpen"',
        'gateway=~"bot-gateway|"',
    ]


@pytest.mark.parametrize("mode", ["Enforce", "DryRun", "Paused"])
def test_the_mode_is_a_value(mode: str) -> None:
    values = {"operator": {"policy": {"mode": mode}}}
    assert gateway(values).one("RemediationPolicy", POLICY)["spec"]["mode"] == mode


def test_fields_of_the_policy_are_merged_over_the_default() -> None:
    values = {"operator": {"policy": {"spec": {"guards": {"cooldown": "30m"}}}}}
    spec = gateway(values).one("RemediationPolicy", POLICY)["spec"]
    assert spec["guards"] == {"cooldown": "30m"}
    assert spec["targetRef"]["name"] == "bot-gateway"


def test_the_policy_depends_on_no_capability() -> None:
    assert gateway(apis=()).has("RemediationPolicy", POLICY)


def test_alertmanager_and_prometheus_are_used_if_there_is_a_monitoring_api() -> None:
    assert environment(apis=MONITORING_API)["REMEDIATOR_ALERTMANAGER_URL"].endswith(":9093")
    assert environment(apis=MONITORING_API)["REMEDIATOR_PROMETHEUS_URL"].endswith(":9090")
    assert not [name for name in environment(apis=()) if name.endswith("_URL")]


def test_the_operator_knows_its_receiver_before_the_first_webhook() -> None:
    """By it the operator sees after a restart whether a time interval mutes its route."""
    rendering = gateway(apis=MONITORING_API)
    config = rendering.one("AlertmanagerConfig", NAME)
    receiver = f"bots/{NAME}/{config['spec']['route']['receiver']}"
    assert environment(apis=MONITORING_API)["REMEDIATOR_RECEIVER"] == receiver
    assert "REMEDIATOR_RECEIVER" not in environment(apis=())


def test_with_a_plain_alertmanager_yml_the_operator_knows_that_files_receiver() -> None:
    values: dict[str, Any] = {"alerting": {"plainConfig": True}}
    file = gateway(values).one("ConfigMap", "bot-gateway-alertmanager")["data"]["alertmanager.yml"]
    names = {receiver["name"] for receiver in yaml.safe_load(file)["receivers"]}
    for apis in ((), MONITORING_API):
        assert environment(values, apis=apis)["REMEDIATOR_RECEIVER"] == "remediator"
    assert "remediator" in names


def test_without_the_operator_none_of_its_objects_is_rendered() -> None:
    rendering = gateway({"operator": {"enabled": False}})
    assert not [
        m for m in rendering.manifests if m["metadata"]["labels"]["app.kubernetes.io/component"] == "remediator"
    ]
    assert "remediator-token" not in rendering.one("Secret", "bot-gateway")["stringData"]
    rules = rendering.one("PrometheusRule", "bot-gateway")["spec"]["groups"]
    assert not [rule for group in rules for rule in group["rules"] if rule.get("alert", "").startswith("Remediat")]
