"""The chart installed twice, in one namespace and in two: objects, alerts and series of the releases stay separate."""

from __future__ import annotations

import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from remediator.api.policy import PolicySpec
from support.charts import Manifest, Rendering, gateway
from support.tools import run, tool

FULL: dict[str, Any] = {
    "alerting": {"plainConfig": True, "slack": {"webhookUrl": "https://slack.example.com/x"}},
    "autoscaling": {"enabled": True},
    "ingress": {"enabled": True, "hosts": ["bot.example.com"]},
    "monitoring": {"exporters": {"redis": {"enabled": True}}},
}
PLACES = [
    pytest.param(("bot-gateway", "bots"), ("second", "bots"), id="one-namespace"),
    pytest.param(("bot-gateway", "bots"), ("bot-gateway", "others"), id="two-namespaces"),
]
Place = tuple[str, str]


def release(place: Place) -> Rendering:
    name, namespace = place
    return gateway(FULL, release=name, namespace=namespace)


def fullname(place: Place) -> str:
    return place[0] if "bot-gateway" in place[0] else f"{place[0]}-bot-gateway"


def identities(place: Place) -> set[tuple[str, str, str]]:
    manifests = release(place).manifests
    return {(m["kind"], m["metadata"].get("namespace", place[1]), m["metadata"]["name"]) for m in manifests}


@pytest.mark.parametrize(("one", "two"), PLACES)
def test_no_object_has_the_name_of_another(one: Place, two: Place) -> None:
    assert len(identities(one)) == len(identities(two)) > 20
    assert not identities(one) & identities(two)


@pytest.mark.parametrize("place", [("bot-gateway", "bots"), ("second", "bots")], ids=["first", "second"])
def test_no_release_makes_an_object_of_the_whole_cluster_or_owns_a_crd(place: Place) -> None:
    kinds = {manifest["kind"] for manifest in release(place).manifests}
    assert not kinds & {"ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PriorityClass", "Namespace"}


def pods(rendering: Rendering) -> list[dict[str, str]]:
    workloads = [*rendering.kind("Deployment"), *rendering.kind("StatefulSet")]
    labels = [workload["spec"]["template"]["metadata"]["labels"] for workload in workloads]
    return [*labels, *(pod["metadata"]["labels"] for pod in rendering.kind("Pod"))]


def selectors(rendering: Rendering) -> list[dict[str, str]]:
    found = [m["spec"]["selector"] for m in rendering.kind("Service")]
    found += [m["spec"]["selector"]["matchLabels"] for kind in ("Deployment", "StatefulSet", "PodDisruptionBudget")
              for m in rendering.kind(kind)]  # fmt: skip
    found += [m["spec"]["podSelector"]["matchLabels"] for m in rendering.kind("NetworkPolicy")]
    found += [
        source["podSelector"]["matchLabels"]
        for m in rendering.kind("NetworkPolicy")
        for rule in m["spec"]["ingress"]
        for source in rule.get("from", [])
        # An empty selector means the whole namespace, the other release included: its calls need the service token.
        if source.get("podSelector") and "namespaceSelector" not in source
    ]
    return found


def test_in_one_namespace_no_selector_finds_a_pod_of_the_other() -> None:
    one, two = release(("bot-gateway", "bots")), release(("second", "bots"))
    for selecting, selected in ((one, two), (two, one)):
        assert selectors(selecting)
        for selector, labels in product(selectors(selecting), pods(selected)):
            assert not selector.items() <= labels.items()
        for selector in selectors(selecting):
            assert any(selector.items() <= labels.items() for labels in pods(selecting))


def test_in_one_namespace_no_service_monitor_finds_a_service_of_the_other() -> None:
    one, two = release(("bot-gateway", "bots")), release(("second", "bots"))
    for selecting, selected in ((one, two), (two, one)):
        for monitor, service in product(selecting.kind("ServiceMonitor"), selected.kind("Service")):
            wanted = monitor["spec"]["selector"]["matchLabels"]
            assert not wanted.items() <= service["metadata"]["labels"].items()


def rules(place: Place) -> list[dict[str, Any]]:
    groups = release(place).one("PrometheusRule", fullname(place))["spec"]["groups"]
    return [rule for group in groups for rule in group["rules"]]


@pytest.mark.parametrize(("one", "two"), PLACES)
def test_the_rules_select_only_their_own_series(one: Place, two: Place) -> None:
    for place, other in ((one, two), (two, one)):
        for rule in rules(place):
            for selector in re.findall(r"(?:bot_gateway_|remediator_|\bup)[^{}]*\{([^}]*)\}", rule["expr"]):
                if 'job=~".*grafana' in selector:  # everybody's monitoring
                    continue
                assert f'namespace="{place[1]}"' in selector, rule
                assert f'job="{fullname(place)}' in selector, rule
                assert f'job="{fullname(other)}"' not in selector or place[1] != other[1], rule


@pytest.mark.parametrize(("one", "two"), PLACES)
def test_an_alert_goes_to_the_receivers_of_its_own_release(one: Place, two: Place, tmp_path: Path) -> None:
    for place, other in ((one, two), (two, one)):
        config = release(place).one("ConfigMap", f"{fullname(place)}-alertmanager")["data"]["alertmanager.yml"]
        file = tmp_path / f"{'-'.join(place)}.yml"
        file.write_text(config)
        labels = next(rule["labels"] for rule in rules(place) if rule.get("alert") == "CircuitBreakerOpen")
        strange = next(rule["labels"] for rule in rules(other) if rule.get("alert") == "CircuitBreakerOpen")
        assert receivers(file, labels) == "critical,remediator"
        assert receivers(file, strange) == "nobody"
        by_hand = {name: value for name, value in labels.items() if name != "gateway"}
        assert receivers(file, by_hand) == "critical,remediator"


def receivers(file: Path, labels: dict[str, str]) -> str:
    arguments = [f"{name}={value}" for name, value in labels.items()]
    return run(tool("amtool"), "config", "routes", "test", f"--config.file={file}", *arguments).stdout.strip()


@pytest.mark.parametrize(("one", "two"), PLACES[:1])
def test_the_default_policy_matches_the_alerts_of_its_own_gateway(one: Place, two: Place) -> None:
    for place, other in ((one, two), (two, one)):
        manifest = release(place).one("RemediationPolicy", f"{fullname(place)}-circuit-breaker")
        matchers = PolicySpec.model_validate(manifest["spec"]).alerts
        labels = {"alertname": "CircuitBreakerOpen", "service": "bot-gateway", "gateway": fullname(place)}
        assert all(matcher.matches(labels) for matcher in matchers)
        assert not all(matcher.matches({**labels, "gateway": fullname(other)}) for matcher in matchers)


@pytest.mark.parametrize(("one", "two"), PLACES)
def test_the_routing_objects_match_the_plain_configuration(one: Place, two: Place) -> None:
    for place in (one, two):
        plain = yaml.safe_load(
            release(place).one("ConfigMap", f"{fullname(place)}-alertmanager")["data"]["alertmanager.yml"]
        )
        for top, config in zip(plain["route"]["routes"], routing(release(place)), strict=True):
            wanted = {f'{m["name"]}{m["matchType"]}"{m["value"]}"' for m in config["spec"]["route"]["matchers"]}
            assert wanted <= set(top["matchers"]), json.dumps(top)


def routing(rendering: Rendering) -> list[Manifest]:
    return sorted(rendering.kind("AlertmanagerConfig"), key=lambda manifest: str(manifest["metadata"]["name"]))


def test_a_prefix_separates_two_bots_on_one_redis() -> None:
    def prefix(**more: str) -> str:
        values = {"redis": {"enabled": False}, "externalRedis": {"url": "redis://r.example.com", **more}}
        return str(gateway(values).one("ConfigMap", "bot-gateway")["data"]["REDIS_KEY_PREFIX"])

    assert prefix() == "bg"
    assert prefix(keyPrefix="second") == "second"
