"""Traffic that the NetworkPolicies allow: DNS, scraping, OTLP, Redis, the backends and the operator's calls."""

from __future__ import annotations

from typing import Any

import pytest

from support.charts import Rendering, gateway

Policy = dict[str, Any]


def policy(rendering: Rendering, name: str) -> Policy:
    spec: Policy = rendering.one("NetworkPolicy", name)["spec"]
    assert spec["policyTypes"] == ["Ingress", "Egress"]
    return spec


def ports_to_anywhere(spec: Policy) -> set[tuple[str, int | str]]:
    return {(port["protocol"], port["port"]) for rule in spec["egress"] if "to" not in rule for port in rule["ports"]}


def sources(spec: Policy) -> list[dict[str, Any]]:
    return [source for rule in spec["ingress"] for source in rule.get("from", [{}])]


MONITORING = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
DNS = {("UDP", 53), ("TCP", 53)}


def test_the_gateway_reaches_dns_telegram_the_backends_and_the_collector() -> None:
    assert ports_to_anywhere(policy(gateway(), "bot-gateway")) == DNS | {
        ("TCP", port) for port in (443, 8101, 8102, 8103, 8104, 4317)
    }


@pytest.mark.parametrize(
    ("values", "port"),
    [
        ({"telegram": {"apiBase": "http://sandbox:8081"}}, 8081),
        ({"backends": {"authUrl": "https://auth.example"}}, 443),
        ({"backends": {"userUrl": "http://user.example/base"}}, 80),
        ({"tracing": {"port": 14317}}, 14317),
        ({"redis": {"enabled": False}, "externalRedis": {"url": "rediss://r.example:6380"}}, 6380),
        ({"redis": {"enabled": False}, "externalRedis": {"url": "redis://r.example"}}, 6379),
        ({"redis": {"enabled": False}, "externalRedis": {"existingSecret": "s"}}, 6379),
        ({"redis": {"enabled": False}, "externalRedis": {"url": "redis+sentinel://a:1,b:2/main/0"}}, 1),
        ({"redis": {"enabled": False}, "externalRedis": {"url": "redis+sentinel://:p@a:1,b/main/0"}}, 26379),
        ({"redis": {"enabled": False}, "externalRedis": {"url": "redis+sentinel://a:1,b:2/main/0"}}, 6379),
        ({"redis": {"enabled": False}, "externalRedis": {"url": "rediss+cluster://u:p@a,b:7000"}}, 7000),
    ],
)
def test_the_ports_follow_the_urls(values: dict[str, Any], port: int) -> None:
    assert ("TCP", port) in ports_to_anywhere(policy(gateway(values), "bot-gateway"))


def test_without_tracing_no_port_is_open_for_it() -> None:
    assert ("TCP", 4317) not in ports_to_anywhere(policy(gateway({"tracing": {"enabled": False}}), "bot-gateway"))


def test_the_gateway_reaches_its_own_redis() -> None:
    rendering = gateway()
    (rule,) = [rule for rule in policy(rendering, "bot-gateway")["egress"] if "to" in rule]
    labels = rendering.one("StatefulSet", "bot-gateway-redis")["spec"]["template"]["metadata"]["labels"]
    assert rule["to"][0]["podSelector"]["matchLabels"].items() <= labels.items()
    assert rule["ports"] == [{"port": "redis", "protocol": "TCP"}]


def test_only_the_gateway_and_its_exporter_reach_redis() -> None:
    rendering = gateway()
    spec = policy(rendering, "bot-gateway-redis")
    labels = rendering.one("Deployment", "bot-gateway")["spec"]["template"]["metadata"]["labels"]
    gateway_pods, *exporters = sources(spec)
    assert gateway_pods["podSelector"]["matchLabels"].items() <= labels.items()
    # A pod of any other namespace may carry that label.
    assert [one["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for one in exporters] == [
        "bots",
        "monitoring",
    ]
    for exporter in exporters:
        assert exporter["podSelector"]["matchLabels"] == {"app.kubernetes.io/name": "prometheus-redis-exporter"}
    assert spec["egress"] == []


def sources_of(spec: Policy, port: str) -> list[dict[str, Any]]:
    """Who may reach a port; an empty source is anyone."""
    rules = [rule for rule in spec["ingress"] if {"port": port, "protocol": "TCP"} in rule["ports"]]
    return [source for rule in rules for source in rule.get("from", [{}])]


INGRESS = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}


def test_anyone_reaches_the_webhook_unless_the_sources_are_named() -> None:
    assert sources_of(policy(gateway(), "bot-gateway"), "http") == [{}]
    named = policy(gateway({"networkPolicy": {"ingressFrom": [INGRESS]}}), "bot-gateway")
    assert sources_of(named, "http") == [{"podSelector": {}}, INGRESS]


def test_only_prometheus_and_the_release_s_namespace_reach_the_internal_port() -> None:
    assert sources_of(policy(gateway(), "bot-gateway"), "internal") == [{"podSelector": {}}, MONITORING]
    named = policy(gateway({"networkPolicy": {"internalFrom": [INGRESS]}}), "bot-gateway")
    assert sources_of(named, "internal") == [{"podSelector": {}}, MONITORING, INGRESS]


def test_prometheus_reaches_metrics_that_are_served_on_the_webhook_s_port() -> None:
    values = {"service": {"publicMetrics": True}, "networkPolicy": {"ingressFrom": [INGRESS]}}
    assert sources_of(policy(gateway(values), "bot-gateway"), "http") == [{"podSelector": {}}, MONITORING, INGRESS]


def test_only_the_monitoring_namespace_reaches_the_operator() -> None:
    assert sources(policy(gateway(), "bot-gateway-remediator")) == [MONITORING]
    moved = gateway({"monitoring": {"namespace": "observability"}})
    (source,) = sources(policy(moved, "bot-gateway-remediator"))
    assert source["namespaceSelector"]["matchLabels"] == {"kubernetes.io/metadata.name": "observability"}


def test_the_operator_reaches_dns_the_api_server_alertmanager_and_prometheus() -> None:
    assert ports_to_anywhere(policy(gateway(), "bot-gateway-remediator")) == DNS | {
        ("TCP", port) for port in (443, 6443, 9093, 9090)
    }


def test_rules_can_be_added() -> None:
    extra = {"ports": [{"port": 9999, "protocol": "TCP"}]}
    values = {"networkPolicy": {"extraEgress": [extra], "operatorExtraEgress": [extra]}}
    for name in ("bot-gateway", "bot-gateway-remediator"):
        assert ("TCP", 9999) in ports_to_anywhere(policy(gateway(values), name))


def test_policies_can_be_left_out() -> None:
    assert gateway({"networkPolicy": {"enabled": False}}).kind("NetworkPolicy") == []
