"""ServiceMonitors, dashboards and the conditions for monitoring objects."""

from __future__ import annotations

from typing import Any

import pytest

from support.charts import MONITORING_API, SANDBOX_CHART, Manifest, Rendering, gateway, render

KINDS = ("ServiceMonitor", "PrometheusRule", "AlertmanagerConfig")


@pytest.mark.parametrize(
    ("enabled", "apis", "kinds"),
    [
        ("auto", MONITORING_API, set(KINDS)),
        ("auto", MONITORING_API[:1], {"ServiceMonitor", "PrometheusRule"}),
        ("auto", (), set()),
        (True, (), set(KINDS)),
        (False, MONITORING_API, set()),
    ],
)
def test_monitoring_objects_appear_with_the_api_or_if_forced(
    enabled: Any, apis: tuple[str, ...], kinds: set[str]
) -> None:
    rendering = gateway({"monitoring": {"enabled": enabled}}, apis=apis)
    assert {manifest["kind"] for manifest in rendering.manifests} & set(KINDS) == kinds


def test_every_monitoring_object_carries_the_label_that_prometheus_selects() -> None:
    for rendering, release in ((gateway(), "kube-prometheus-stack"), (gateway(_labels("mine")), "mine")):
        for kind in KINDS:
            for manifest in rendering.kind(kind):
                assert manifest["metadata"]["labels"]["release"] == release


def _labels(release: str) -> dict[str, Any]:
    return {"monitoring": {"labels": {"release": release}}}


@pytest.mark.parametrize("name", ["bot-gateway", "bot-gateway-remediator"])
def test_a_service_monitor_finds_its_service(name: str) -> None:
    rendering = gateway()
    monitor, service = rendering.one("ServiceMonitor", name), rendering.one("Service", name)
    assert found_by(monitor, service)
    assert "jobLabel" not in monitor["spec"]


def test_no_service_monitor_finds_a_service_of_another() -> None:
    rendering = gateway()
    for monitor in rendering.kind("ServiceMonitor"):
        found = [service for service in rendering.kind("Service") if found_by(monitor, service)]
        assert [service["metadata"]["name"] for service in found] == [monitor["metadata"]["name"]]


def test_the_sandbox_is_scraped_at_each_backend() -> None:
    rendering = render(SANDBOX_CHART, release="sandbox")
    monitor, service = rendering.one("ServiceMonitor", "sandbox"), rendering.one("Service", "sandbox")
    assert found_by(monitor, service)
    assert [endpoint["port"] for endpoint in monitor["spec"]["endpoints"]] == ["auth", "request", "user", "shift"]


def found_by(monitor: Manifest, service: Manifest) -> bool:
    labels = monitor["spec"]["selector"]["matchLabels"]
    # `targetPort` is a port of the pods, which the Service need not have.
    ports = {port["name"] for port in service["spec"]["ports"]} | {None}
    return bool(
        labels.items() <= service["metadata"]["labels"].items()
        and all(endpoint.get("port") in ports for endpoint in monitor["spec"]["endpoints"])
    )


def test_exporters_and_backends_are_wired_by_values() -> None:
    backend = {"name": "billing", "namespace": "money", "matchLabels": {"app": "billing"}, "port": "web"}
    rendering = gateway(
        {
            "monitoring": {
                "exporters": {"redis": {"enabled": True}, "postgres": {"enabled": True}},
                "backends": [backend],
            }
        }
    )
    for name in ("redis-exporter", "postgres-exporter"):
        spec = rendering.one("ServiceMonitor", f"bot-gateway-{name}")["spec"]
        assert spec["namespaceSelector"]["matchNames"] == ["bots", "monitoring"]
    spec = rendering.one("ServiceMonitor", "bot-gateway-billing")["spec"]
    assert spec["namespaceSelector"]["matchNames"] == ["money"]
    assert spec["endpoints"][0]["path"] == "/metrics"


def test_scraping_is_tuned_by_values() -> None:
    values = {"monitoring": {"serviceMonitor": {"interval": "30s", "scrapeTimeout": ""}}}
    (endpoint,) = gateway(values).one("ServiceMonitor", "bot-gateway")["spec"]["endpoints"]
    assert endpoint["interval"] == "30s"
    assert "scrapeTimeout" not in endpoint


def test_each_dashboard_is_a_config_map_that_grafanas_sidecar_finds() -> None:
    dashboards = dashboard_maps(gateway())
    assert {"bot-gateway-dashboard-overview", "bot-gateway-dashboard-slo"} <= set(dashboards)
    for dashboard in dashboards.values():
        assert dashboard["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert dashboard["metadata"]["annotations"]["grafana_folder"] == "Bot Gateway"
    assert dashboard_maps(gateway({"monitoring": {"dashboards": {"enabled": False}}})) == {}


def test_releases_of_several_namespaces_can_put_their_dashboards_into_one() -> None:
    values = {"monitoring": {"dashboards": {"namespace": "monitoring"}}}
    first, second = (set(dashboard_maps(gateway(values, namespace=namespace))) for namespace in ("one", "two"))
    assert len(first) == len(second) > 0
    assert not first & second


@pytest.mark.parametrize(
    ("values", "base"),
    [
        ({"projectUrl": "https://git.example.org/bots/"}, "https://git.example.org/bots/blob/main/docs/runbooks"),
        ({"monitoring": {"runbookUrl": "https://wiki.example.org/runbooks/"}}, "https://wiki.example.org/runbooks"),
    ],
)
def test_alerts_and_dashboards_lead_to_the_runbooks_that_the_values_name(values: dict[str, Any], base: str) -> None:
    rendering = gateway(values)
    rules = [
        rule for group in rendering.one("PrometheusRule", "bot-gateway")["spec"]["groups"] for rule in group["rules"]
    ]
    assert {rule["annotations"]["runbook_url"] for rule in rules if "alert" in rule} == {
        f"{base}/{rule['alert']}.md" for rule in rules if "alert" in rule
    }
    (data,) = dashboard_maps(rendering)["bot-gateway-dashboard-overview"]["data"].values()
    assert base in data
    assert "github.com/example" not in data


def dashboard_maps(rendering: Rendering) -> dict[str, Manifest]:
    return {m["metadata"]["name"]: m for m in rendering.kind("ConfigMap") if "-dashboard-" in m["metadata"]["name"]}
