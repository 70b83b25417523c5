"""Values as users and tools write them: numeric names, duplicates, nulls, --set, subcharts, values of older charts."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.core.backend_settings import BackendSettings, variable_of_one
from app.core.closed_sets import Backend
from chart.validation import validate
from support.charts import (
    GATEWAY_CHART,
    KUBERNETES,
    NAMESPACE,
    Manifest,
    RenderError,
    Rendering,
    gateway,
    load_all,
    render,
)
from support.tools import run, tool

OLD_VALUES = sorted((Path(__file__).parent / "values").glob("bot-gateway-*.yaml"))
"""values.yaml of former charts: of the first one, and of the one before the Redis password."""


def variables(rendering: Rendering, deployment: str) -> list[dict[str, Any]]:
    spec = rendering.one("Deployment", deployment)["spec"]["template"]["spec"]
    found: list[dict[str, Any]] = spec["containers"][0]["env"]
    return found


def template(*arguments: str, chart: Path = GATEWAY_CHART) -> list[Manifest]:
    done = run(
        tool("helm"),
        "template",
        "bot-gateway",
        str(chart),
        "--kube-version",
        KUBERNETES,
        "--namespace",
        NAMESPACE,
        *arguments,
    )
    assert done.returncode == 0, done.stderr
    return load_all(done.stdout)


@pytest.mark.parametrize(
    "telegram",
    [{}, {"webhookSecretPrevious": ""}, {"webhookSecretPrevious": None}],
    ids=["unset", "empty", "null"],
)
def test_a_retired_webhook_secret_is_overwritten(telegram: dict[str, Any]) -> None:
    """A key that is missing in stringData stays in the Secret of the cluster."""
    assert gateway({"telegram": telegram}).one("Secret", "bot-gateway")["stringData"]["webhook-secret-previous"] == ""


def test_the_proxy_is_in_the_secret_and_its_port_is_open() -> None:
    rendering = gateway({"telegram": {"proxy": "socks5://user:pass@proxy.test:1080"}})
    assert (
        rendering.one("Secret", "bot-gateway")["stringData"]["telegram-proxy"] == "socks5://user:pass@proxy.test:1080"
    )
    [variable] = [one for one in variables(rendering, "bot-gateway") if one["name"] == "TELEGRAM_PROXY"]
    assert variable["valueFrom"]["secretKeyRef"] == {"name": "bot-gateway", "key": "telegram-proxy", "optional": True}
    assert "pass@" not in str([one for one in rendering.manifests if one["kind"] != "Secret"])
    ports = [port for rule in rendering.one("NetworkPolicy", "bot-gateway")["spec"]["egress"] for port in rule["ports"]]
    assert {"port": 1080, "protocol": "TCP"} in ports


def test_a_users_variable_replaces_the_operators_own() -> None:
    rendering = gateway({"operator": {"env": {"REMEDIATOR_POLL_SECONDS": 5, "REMEDIATOR_LOG_LEVEL": "DEBUG"}}})
    found = variables(rendering, "bot-gateway-remediator")
    assert len({variable["name"] for variable in found}) == len(found)
    assert {"name": "REMEDIATOR_POLL_SECONDS", "value": "5"} in found
    assert {"name": "REMEDIATOR_LOG_LEVEL", "value": "DEBUG"} in found


@pytest.mark.parametrize(
    "values", [{"env": {"BOT_TOKEN": "43:MINE"}}, {"extraEnv": [{"name": "BOT_TOKEN", "value": "43:MINE"}]}]
)
def test_a_users_variable_replaces_the_gateways_own(values: dict[str, Any]) -> None:
    rendering = gateway(values)
    config = rendering.one("ConfigMap", "bot-gateway")["data"]
    own = [variable for variable in variables(rendering, "bot-gateway") if variable["name"] == "BOT_TOKEN"]
    # What `env` of the container has hides what its ConfigMap has.
    effective = own[0] if own else {"name": "BOT_TOKEN", "value": config["BOT_TOKEN"]}
    assert effective == {"name": "BOT_TOKEN", "value": "43:MINE"}
    assert len(own) <= 1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"env": {"PORT": 9000}}, r"PORT=9000 in env or extraEnv contradicts the port 8000"),
        (
            {"env": {"INTERNAL_PORT": "9001"}},
            r"INTERNAL_PORT=9001 .* the port 8001 .* service\.internalPort",
        ),
        ({"extraEnv": [{"name": "PORT", "value": "80"}]}, r"PORT=80 in env or extraEnv contradicts the port 8000"),
    ],
)
def test_a_port_that_contradicts_the_probes_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(RenderError, match=message):
        gateway(values)


def test_a_port_that_agrees_with_the_probes_is_accepted() -> None:
    assert gateway({"env": {"PORT": 8000, "INTERNAL_PORT": 8001}}).has("Deployment", "bot-gateway")


def test_a_users_setting_replaces_the_chart_setting_and_whole_numbers_have_no_exponent() -> None:
    data = gateway({"env": {"LOG_LEVEL": "DEBUG", "A_BIG_NUMBER": 10000000}}).one("ConfigMap", "bot-gateway")["data"]
    assert (data["LOG_LEVEL"], data["A_BIG_NUMBER"]) == ("DEBUG", "10000000")


def test_every_setting_of_calls_can_be_set_for_all_backends_and_for_one() -> None:
    breaker = dict.fromkeys(("windowSeconds", "minCalls", "openSeconds", "probeTimeoutSeconds"), 9)
    breaker |= {"failureRatio": 0.9, "slowCallRatio": 0.9}
    calls = {
        **dict.fromkeys(("timeoutSeconds", "connectTimeoutSeconds", "slowCallSeconds"), 9),
        "retry": {"attempts": 9, "waitSeconds": 9, "maxWaitSeconds": 9},
    }
    probes = {"intervalSeconds": 9, "path": "/9", "timeoutSeconds": 9}
    for all_of_them, values in {
        True: {"backends": calls, "backendProbes": probes, "breaker": breaker},
        False: {"backends": {"overrides": {"auth": {**calls, "probes": probes, "breaker": breaker}}}},
    }.items():
        data = gateway(values).one("ConfigMap", "bot-gateway")["data"]
        for field in BackendSettings.model_fields:
            name = field.upper() if all_of_them else variable_of_one("auth", field)
            assert data[name] in {"9", "0.9", "/9"}, name
        other = {name for name in data if name.startswith(tuple(f"BACKEND_{one.name}_" for one in Backend))}
        assert {name.split("_")[1] for name in other} == (set() if all_of_them else {"AUTH"})


def test_a_backend_with_overrides_has_the_common_values_for_the_rest() -> None:
    data = gateway({"backends": {"overrides": {"auth": {"timeoutSeconds": 2.5}, "user": {}}}})
    names = {name: value for name, value in data.one("ConfigMap", "bot-gateway")["data"].items() if "_AUTH_" in name}
    assert names == {"BACKEND_AUTH_TIMEOUT_SECONDS": "2.5"}


@pytest.mark.parametrize(
    "override",
    [
        {"payments": {}},
        {"auth": {"timeout": 1}},
        {"auth": {"timeoutSeconds": 0}},
        {"auth": {"retry": {"attempts": 0}}},
        {"auth": {"breaker": {"failureRatio": 2}}},
    ],
    ids=str,
)
def test_overrides_of_unknown_backends_and_values_are_refused(override: dict[str, Any]) -> None:
    with pytest.raises(RenderError, match="schema"):
        gateway({"backends": {"overrides": override}})


@pytest.mark.parametrize("severity", ["critical", "warning", "operator"])
@pytest.mark.parametrize("name", ["groupInterval", "repeatInterval"])
@pytest.mark.parametrize("value", ["0s", "0m", "0h0m", "1m1h"])
def test_intervals_that_break_alertmanagers_configuration_are_refused(severity: str, name: str, value: str) -> None:
    """Alertmanager accepts no interval of zero; one object with it makes the whole configuration invalid."""
    with pytest.raises(RenderError, match="schema"):
        gateway({"alerting": {severity: {name: value}}})


def test_two_releases_never_write_the_same_dashboard_file() -> None:
    """Grafana's sidecar writes each key of a ConfigMap as a file into one folder."""
    keys = [
        key
        for release, namespace in (("bot-gateway", "a"), ("second-bot-gateway", "a"), ("bot-gateway", "b"))
        for manifest in gateway(
            {"monitoring": {"dashboards": {"namespace": "monitoring"}}}, release=release, namespace=namespace
        ).kind("ConfigMap")
        if manifest["metadata"]["labels"]["app.kubernetes.io/component"] == "dashboard"
        for key in manifest["data"]
    ]
    assert len(keys) == 15
    assert len(set(keys)) == len(keys)


def test_a_wildcard_host_is_quoted_and_is_no_webhook_url() -> None:
    rendering = gateway({"ingress": {"enabled": True, "hosts": ["*.example.com", "bot.example.com"]}})
    rules = rendering.one("Ingress", "bot-gateway")["spec"]["rules"]
    assert [rule["host"] for rule in rules] == ["*.example.com", "bot.example.com"]
    assert rendering.one("ConfigMap", "bot-gateway")["data"]["WEBHOOK_URL"] == "https://bot.example.com/webhook"
    only_wildcard = gateway({"ingress": {"enabled": True, "hosts": ["*.example.com"]}})
    assert only_wildcard.one("ConfigMap", "bot-gateway")["data"]["WEBHOOK_URL"] == ""


LABELS = {
    "app.kubernetes.io/part-of": "company-bots",
    "app.kubernetes.io/name": "mine",
    "app.kubernetes.io/managed-by": "me",
    "team": "bots",
}


@pytest.mark.parametrize(
    "values", [{"commonLabels": LABELS}, {"podLabels": LABELS}], ids=lambda values: next(iter(values))
)
def test_labels_of_the_values_replace_the_charts_except_selectors_and_helms(values: dict[str, Any]) -> None:
    """A duplicate key is an error for Helm's YAML parser; load_all would hide it, so the text is searched too."""
    spec = gateway(values).one("Deployment", "bot-gateway")["spec"]
    labels = spec["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    assert (labels["team"], labels["app.kubernetes.io/part-of"]) == ("bots", "company-bots")
    assert (labels["app.kubernetes.io/name"], labels["app.kubernetes.io/managed-by"]) == ("bot-gateway", "Helm")
    done = run(
        tool("helm"),
        "template",
        "x",
        str(GATEWAY_CHART),
        "--set",
        "telegram.token=1:a",
        "--values",
        "-",
        stdin=yaml.safe_dump(values),
    )
    for line in ("app.kubernetes.io/name:", "app.kubernetes.io/part-of:"):
        blocks = done.stdout.split("metadata:")
        assert all(block.partition("spec:")[0].count(line) <= 1 for block in blocks)


def test_annotations_of_the_values_replace_the_charts_except_the_checksums() -> None:
    allow = "remediation.bot-gateway.dev/allow"
    deployment = gateway(
        {"deploymentAnnotations": {allow: "false"}, "podAnnotations": {"checksum/config": "mine", "a": "b"}}
    ).one("Deployment", "bot-gateway")
    assert deployment["metadata"]["annotations"][allow] == "false"
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    assert annotations["a"] == "b"
    assert annotations["checksum/config"] != "mine"


@pytest.mark.parametrize(
    "assignment",
    [
        "tracing.sampleRatio=0.5",
        "breaker.failureRatio=0.4",
        "backends.timeoutSeconds=2.5",
        "alerts.HighServiceErrorRate.threshold=0.7",
        "slo.success.objective=99.95",
        "operator.settlingSeconds=30.5",
    ],
)
def test_fractions_can_be_set_on_the_command_line(assignment: str) -> None:
    """Helm's --set passes a number with a fraction as a string."""
    for manifest in template("--set", f"telegram.token=1:a,{assignment}", "--api-versions", "monitoring.coreos.com/v1"):
        validate(manifest)


def test_an_objective_from_the_command_line_is_the_budget_of_the_rules() -> None:
    manifests = template(
        "--set", "telegram.token=1:a,slo.success.objective=99.95", "--api-versions", "monitoring.coreos.com/v1"
    )
    (rules,) = [manifest for manifest in manifests if manifest["kind"] == "PrometheusRule"]
    assert "14.4 * 0.0005" in str(rules)


@pytest.mark.parametrize(
    "assignment", ["tracing.sampleRatio=1.5", "breaker.windowSeconds=0.0", "slo.success.objective=100"]
)
def test_fractions_on_the_command_line_are_checked(assignment: str) -> None:
    done = run(tool("helm"), "template", "x", str(GATEWAY_CHART), "--set", f"telegram.token=1:a,{assignment}")
    assert "schema" in done.stderr


NUMERIC = {
    "existingSecret": "123",
    "priorityClassName": "456",
    "imagePullSecrets": ["1000"],
    "commonLabels": {"build": "007"},
    "serviceAccount": {"name": "0x1F"},
    "redis": {"enabled": False},
    "externalRedis": {"existingSecret": "789", "existingSecretKey": "on"},
    "ingress": {"enabled": True, "hosts": ["1.2"], "className": "1", "tlsSecretName": "2"},
    "alerting": {"slack": {"existingSecret": "3", "existingSecretKey": "4"}},
    "monitoring": {"namespace": "5", "backends": [{"name": "6", "matchLabels": {"a": "7"}, "port": "8"}]},
}


def test_names_that_look_like_numbers_stay_strings() -> None:
    for manifest in gateway(NUMERIC).manifests:
        validate(manifest)
    redis = gateway(
        {"redis": {"persistence": {"storageClass": "9"}}, "nameOverride": "123", "fullnameOverride": "gateway"}
    )
    for manifest in redis.manifests:
        validate(manifest)


@pytest.mark.parametrize(
    "values",
    [
        {"monitoring": {"labels": None}},
        {"monitoring": {"dashboards": {"labels": None}}},
        {"monitoring": {"dashboards": {"folderAnnotation": ""}}},
        {"commonLabels": None, "podLabels": None, "podAnnotations": None, "deploymentAnnotations": None},
        {"env": None, "extraEnv": None, "operator": {"env": None}},
        {"resources": None},
        {"affinity": None, "tolerations": None, "nodeSelector": None, "topologySpreadConstraints": None},
        {"monitoring": {"serviceMonitor": {"interval": None, "scrapeTimeout": ""}}},
    ],
    ids=str,
)
def test_null_and_empty_values_leave_valid_objects(values: dict[str, Any]) -> None:
    for manifest in gateway(values).manifests:
        validate(manifest)


def test_names_that_share_their_first_forty_characters_differ() -> None:
    name = "bot-gateway-" + "x" * 33
    names = {
        manifest["metadata"]["name"]
        for release in (name + "-a", name + "-b")
        for manifest in gateway(release=release).kind("Service")
    }
    assert len(names) == 8
    assert all(len(name) <= 63 for name in names)


def test_every_object_names_its_namespace(rendered: Rendering) -> None:
    """`helm template | kubectl apply` would otherwise use the namespace of the current context."""
    assert all(manifest["metadata"]["namespace"] == NAMESPACE for manifest in rendered.manifests)


@pytest.mark.parametrize("enabled", [True, False])
def test_it_can_be_a_subchart_with_a_condition_and_globals(enabled: bool, tmp_path: Path) -> None:
    parent = tmp_path / "parent"
    shutil.copytree(GATEWAY_CHART, parent / "charts/bot-gateway")
    dependency = {"name": "bot-gateway", "version": "*", "condition": "bot-gateway.enabled"}
    (parent / "Chart.yaml").write_text(
        yaml.safe_dump({"apiVersion": "v2", "name": "parent", "version": "1.0.0", "dependencies": [dependency]})
    )
    values = {"global": {"team": "x"}, "bot-gateway": {"enabled": enabled, "telegram": {"token": "1:a"}}}
    (parent / "values.yaml").write_text(yaml.safe_dump(values))
    manifests = template(chart=parent)
    assert bool(manifests) is enabled
    for manifest in manifests:
        validate(manifest)


@pytest.mark.parametrize("old_values", OLD_VALUES, ids=lambda file: file.stem)
def test_the_values_of_a_former_chart_still_render_and_get_every_new_alert(old_values: Path, tmp_path: Path) -> None:
    """helm upgrade --reuse-values passes the old chart's values alone: values that are new since then are missing."""
    chart = tmp_path / "bot-gateway"
    shutil.copytree(GATEWAY_CHART, chart)
    shutil.copy(old_values, chart / "values.yaml")
    token = {"telegram": {"token": "1:a"}}
    for more in ({}, {"autoscaling": {"enabled": True}, "ingress": {"enabled": True, "hosts": ["a.example"]}}):
        rendering = render(chart, {**token, **more})
        assert rendering.manifests
        for manifest in rendering.manifests:
            validate(manifest)
        # How a template writes a value that is missing; no schema notices it within a text.
        assert "<nil>" not in json.dumps(rendering.manifests)
        rules = tmp_path / "rules.yaml"
        rules.write_text(json.dumps(rendering.one("PrometheusRule", "bot-gateway")["spec"]))
        alerts = {
            rule["alert"]: rule
            for group in rendering.one("PrometheusRule", "bot-gateway")["spec"]["groups"]
            for rule in group["rules"]
            if "alert" in rule
        }
        assert alerts.keys() == yaml.safe_load((GATEWAY_CHART / "values.yaml").read_text())["alerts"].keys()
        assert alerts["BackendOutlier"]["for"] == "1m"
        checked = run(tool("promtool"), "check", "rules", str(rules))
        assert checked.returncode == 0, checked.stderr
