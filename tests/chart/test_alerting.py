"""Which receiver gets which alert and when: the two AlertmanagerConfigs and the equivalent plain alertmanager.yml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from support.charts import Manifest, RenderError, Rendering, gateway
from support.tools import run, tool

NAMESPACE = "bots"
SLACK = {"alerting": {"slack": {"webhookUrl": "https://slack.example.com/x"}}}
Receiver = dict[str, Any]


def people(values: dict[str, Any] | None = None) -> dict[str, Any]:
    spec: dict[str, Any] = gateway(values).one("AlertmanagerConfig", "bot-gateway-people")["spec"]
    return spec


def receiver(spec: dict[str, Any], name: str) -> Receiver:
    found: list[Receiver] = [receiver for receiver in spec["receivers"] if receiver["name"] == name]
    assert len(found) == 1
    return found[0]


def route(spec: dict[str, Any], name: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [route for route in spec["route"]["routes"] if route["receiver"] == name]
    assert len(found) == 1
    return found[0]


@pytest.mark.parametrize(
    ("severity", "wait", "interval", "repeat"),
    [("critical", "0s", "15s", "5m"), ("warning", "30s", "1m", "1h")],
)
def test_waits_and_repeats_are_the_specifications(severity: str, wait: str, interval: str, repeat: str) -> None:
    found = route(people(), severity)
    assert found["matchers"] == [{"name": "severity", "matchType": "=", "value": severity}]
    assert (found["groupWait"], found["groupInterval"], found["repeatInterval"]) == (wait, interval, repeat)


def test_critical_alerts_go_to_slack_and_to_notification_service() -> None:
    found = receiver(people(SLACK), "critical")
    assert found["slackConfigs"][0]["channel"] == "#bot-gateway-critical"
    assert found["slackConfigs"][0]["apiURL"] == {"name": "bot-gateway-slack", "key": "slack-webhook-url"}
    assert found["webhookConfigs"][0]["url"] == "http://notification-service.bots:8000/api/v1/alerts"


def test_warnings_go_to_slack_alone() -> None:
    found = receiver(people(SLACK), "warning")
    assert found["slackConfigs"][0]["channel"] == "#bot-gateway-warnings"
    assert "webhookConfigs" not in found


def test_without_slack_no_slack_receiver_is_rendered() -> None:
    rendering = gateway()
    assert "slack" not in str(rendering.kind("AlertmanagerConfig"))
    assert not rendering.has("Secret", "bot-gateway-slack")


def test_slack_by_an_existing_secret() -> None:
    values = {"alerting": {"slack": {"existingSecret": "mine", "existingSecretKey": "url"}}}
    rendering = gateway(values)
    spec = rendering.one("AlertmanagerConfig", "bot-gateway-people")["spec"]
    assert receiver(spec, "critical")["slackConfigs"][0]["apiURL"] == {"name": "mine", "key": "url"}
    assert not rendering.has("Secret", "bot-gateway-slack")


def test_e_mail_goes_with_both_severities() -> None:
    email = {
        "to": "oncall@example.com",
        "from": "a@example.com",
        "smarthost": "smtp.example.com:587",
        "username": "a",
        "existingSecret": "smtp",
    }
    spec = people({"alerting": {"email": email}})
    for severity in ("critical", "warning"):
        (config,) = receiver(spec, severity)["emailConfigs"]
        assert config["to"] == "oncall@example.com"
        assert config["authPassword"] == {"name": "smtp", "key": "smtp-password"}


@pytest.mark.parametrize("missing", ["from", "smarthost", "existingSecret"])
@pytest.mark.parametrize("has_crds", [True, False], ids=["objects", "plain"])
def test_e_mail_that_cannot_be_sent_is_refused(missing: str, has_crds: bool) -> None:
    email = {
        "to": "oncall@example.com",
        "from": "a@example.com",
        "smarthost": "smtp.example.com:587",
        "username": "a",
        "existingSecret": "smtp",
    }
    values = {
        "monitoring": {"enabled": has_crds},
        "alerting": {"plainConfig": not has_crds, "email": {**email, missing: ""}},
    }
    with pytest.raises(RenderError, match=rf"alerting\.email\.{missing} is required"):
        gateway(values)


def test_every_receiver_is_notified_of_the_resolution() -> None:
    email = {"to": "o@example.com", "from": "a@example.com", "smarthost": "s.example.com:25"}
    rendering = gateway({"alerting": {**SLACK["alerting"], "email": email}})
    configs = [
        config
        for manifest in rendering.kind("AlertmanagerConfig")
        for receiver in manifest["spec"]["receivers"]
        for kind, entries in receiver.items()
        if kind.endswith("Configs")
        for config in entries
    ]
    assert len(configs) == 6
    assert all(config["sendResolved"] for config in configs)


def test_the_operator_is_called_with_its_token_and_does_not_depend_on_slack() -> None:
    rendering = gateway(SLACK)
    spec = rendering.one("AlertmanagerConfig", "bot-gateway-remediator")["spec"]
    (webhook,) = receiver(spec, "remediator")["webhookConfigs"]
    assert webhook["url"] == "http://bot-gateway-remediator.bots:8080/alerts"
    assert webhook["httpConfig"] == {
        "followRedirects": False,
        "authorization": {"type": "Bearer", "credentials": {"name": "bot-gateway", "key": "remediator-token"}},
    }
    assert "slack" not in str(spec)
    top = spec["route"]
    assert top["groupBy"] == ["alertname", "service_name"]
    assert (top["groupWait"], top["groupInterval"], top["repeatInterval"]) == ("5s", "15s", "5m")


def test_waits_and_repeats_are_values() -> None:
    times = {"groupWait": "1s", "groupInterval": "2s", "repeatInterval": "3s"}
    rendering = gateway({"alerting": {"critical": times, "warning": times, "operator": times}})
    spec = rendering.one("AlertmanagerConfig", "bot-gateway-people")["spec"]
    operator = rendering.one("AlertmanagerConfig", "bot-gateway-remediator")["spec"]["route"]
    for found in (route(spec, "critical"), route(spec, "warning"), operator):
        assert times.items() <= found.items()


@pytest.fixture
def alert_names() -> set[str]:
    """Of every rule of the chart."""
    groups = gateway().one("PrometheusRule", "bot-gateway")["spec"]["groups"]
    return {rule["alert"] for group in groups for rule in group["rules"] if "alert" in rule}


def test_inhibition() -> None:
    rules = {
        (source, target): rule["equal"]
        for rule in people()["inhibitRules"]
        for source in rule["sourceMatch"][0]["value"].split("|")
        for target in rule["targetMatch"][0]["value"].split("|")
    }
    assert rules[("CriticalErrorRate", "HighErrorRate")] == ["namespace", "job"]
    assert rules[("CriticalMemoryUsage", "HighMemoryUsage")] == ["namespace", "job", "pod"]
    for silenced in ("HighServiceErrorRate", "HighServiceErrorRatio", "ServiceRequestTimeout"):
        assert rules[("CircuitBreakerRecentlyOpen", silenced)] == ["namespace", "job", "service_name"]
        assert rules[("CircuitBreakerOpen", silenced)] == ["namespace", "job", "service_name"]
    for cause in ("TelegramSlow", "TelegramErrors"):
        assert rules[(cause, "HighMessageLatency")] == ["namespace", "job"]
    for cause in ("RedisUnreachable", "RedisFull"):
        for silenced in ("CriticalErrorRate", "HighErrorRate", "HighWebhookFailureRate", "WebhookDeliveryFails"):
            assert rules[(cause, silenced)] == ["namespace", "job"]
    assert rules[("RedisFull", "RedisUnreachable")] == ["namespace", "job"]
    for objective in ("UpdateSuccessBudgetBurn", "UpdateLatencyBudgetBurn"):
        for silenced in (objective, f"{objective}Slow"):
            assert rules[("CauseRecentlyFired", silenced)] == ["namespace", "job"]


def test_no_two_alerts_silence_each_other(alert_names: set[str]) -> None:
    pairs = {
        (source, target)
        for rule in people()["inhibitRules"]
        for source in rule["sourceMatch"][0]["value"].split("|")
        for target in rule["targetMatch"][0]["value"].split("|")
    }
    assert {name for pair in pairs for name in pair} <= alert_names
    assert not {(target, source) for source, target in pairs} & pairs


def test_routing_to_people_can_be_left_out_and_the_operator_stays() -> None:
    rendering = gateway({"alerting": {"enabled": False}})
    assert [m["metadata"]["name"] for m in rendering.kind("AlertmanagerConfig")] == ["bot-gateway-remediator"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plain alertmanager.yml, with everything that can be configured."""
    alerting = {**SLACK["alerting"], "plainConfig": True, "watchdog": {"url": "https://deadman.example.com"}}
    manifest = gateway({"alerting": alerting}).one("ConfigMap", "bot-gateway-alertmanager")
    file = tmp_path_factory.mktemp("alertmanager") / "alertmanager.yml"
    file.write_text(manifest["data"]["alertmanager.yml"])
    return file


def test_amtool_accepts_the_plain_configuration(plain: Path) -> None:
    done = run(tool("amtool"), "check-config", str(plain))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("labels", "receivers"),
    [
        ({"severity": "critical", "alertname": "CircuitBreakerOpen"}, "critical,remediator"),
        ({"severity": "warning", "alertname": "HighErrorRate"}, "warning,remediator"),
        ({"severity": "none", "alertname": "Watchdog"}, "watchdog"),
        ({"severity": "critical", "namespace": "elsewhere"}, "nobody"),
        ({"severity": "critical", "service": "another"}, "nobody"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.get("alertname", "foreign"),
)
def test_an_alert_reaches_its_receivers(plain: Path, labels: dict[str, str], receivers: str) -> None:
    arguments = [
        f"{name}={value}" for name, value in {"namespace": NAMESPACE, "service": "bot-gateway", **labels}.items()
    ]
    done = run(
        tool("amtool"),
        "config",
        "routes",
        "test",
        f"--config.file={plain}",
        f"--verify.receivers={receivers}",
        *arguments,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_alert_without_a_namespace_reaches_nobody(plain: Path) -> None:
    done = run(
        tool("amtool"), "config", "routes", "test", f"--config.file={plain}", "service=bot-gateway", "severity=critical"
    )
    assert done.stdout.strip() == "nobody"


def test_the_plain_configuration_is_equivalent_to_the_objects(plain: Path) -> None:
    rendering = gateway({"alerting": {**SLACK["alerting"], "watchdog": {"url": "https://deadman.example.com"}}})
    config = yaml.safe_load(plain.read_text())
    assert plain_times(config) == object_times(rendering)
    assert {
        (_names(rule["source_matchers"]), _names(rule["target_matchers"]), tuple(rule["equal"]))
        for rule in config["inhibit_rules"]
    } == {
        (rule["sourceMatch"][0]["value"], rule["targetMatch"][0]["value"], tuple(rule["equal"]))
        for rule in rendering.one("AlertmanagerConfig", "bot-gateway-people")["spec"]["inhibitRules"]
    }


def plain_times(config: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    routes = [entry for top in config["route"]["routes"] for entry in (top, *top.get("routes", []))]
    return {
        entry["receiver"]: (entry["group_wait"], entry["group_interval"], entry["repeat_interval"])
        for entry in routes
        if "group_wait" in entry
    }


def object_times(rendering: Rendering) -> dict[str, tuple[str, ...]]:
    routes = [entry for manifest in rendering.kind("AlertmanagerConfig") for entry in _routes(manifest)]
    return {
        entry["receiver"]: (entry["groupWait"], entry["groupInterval"], entry["repeatInterval"])
        for entry in routes
        if "groupWait" in entry
    }


def _routes(manifest: Manifest) -> list[dict[str, Any]]:
    top = manifest["spec"]["route"]
    return [top, *top.get("routes", [])]


def _names(matchers: list[str]) -> str:
    (name,) = [matcher for matcher in matchers if matcher.startswith("alertname")]
    return name.split('"')[1]
