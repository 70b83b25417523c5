"""One pod loses one backend: the breaker opens there, the alert fires, the operator replaces that pod and no other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support import prometheus
from support.kubectl import get, wait_for
from support.timeline import Timeline

if TYPE_CHECKING:
    from conftest import Product


def phase(remediation: dict[str, Any]) -> str:
    return str(remediation.get("status", {}).get("phase", ""))


def test_the_pod_that_lost_its_backend_is_replaced_and_the_alert_resolves(healthy: Product) -> None:
    product, namespace = healthy, healthy.namespace
    up = f'count(up{{namespace="{namespace}",job="bot-gateway"}} == 1) == 3'
    wait_for("three targets up", lambda: prometheus.query(product.prometheus_url, up), seconds=120)
    known = {remediation["metadata"]["name"] for remediation in product.remediations()}
    before = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in product.ready_gateway_pods()}
    victim = product.ready_gateway_pods()[0]
    name, uid, address = victim["metadata"]["name"], victim["metadata"]["uid"], victim["status"]["podIP"]
    timeline = Timeline("one pod cut off")

    product.control("POST", "/faults", service="request", kind="down", client=address)
    timeline.mark("fault set", f"{name} cannot reach the Request Service")

    breaker = (
        f'bot_gateway_service_circuit_breaker_state{{namespace="{namespace}",pod="{name}",service_name="request"}} > 0'
    )
    wait_for("breaker open", lambda: prometheus.query(product.prometheus_url, breaker), seconds=120)
    timeline.mark("breaker open in Prometheus")

    firing = {"alertname": "CircuitBreakerOpen", "namespace": namespace, "pod": name, "service_name": "request"}
    wait_for("alert in Alertmanager", lambda: prometheus.alerts(product.alertmanager_url, **firing), seconds=180)
    timeline.mark("CircuitBreakerOpen in Alertmanager")

    def own() -> dict[str, Any] | None:
        return next((r for r in product.remediations() if r["metadata"]["name"] not in known), None)

    remediation = wait_for("a Remediation", own, seconds=90)
    timeline.mark("Remediation created", remediation["metadata"]["name"])

    def is_gone() -> bool:
        return uid not in {pod["metadata"]["uid"] for pod in product.gateway_pods()}

    wait_for("the pod evicted", is_gone, seconds=180)
    timeline.mark("pod evicted")

    wait_for("three pods ready", lambda: len(product.ready_gateway_pods()) == 3 or None, seconds=120)
    timeline.mark("replacement ready")

    wait_for("alert resolved", lambda: not prometheus.alerts(product.alertmanager_url, **firing) or None, seconds=420)
    timeline.mark("alert resolved")

    done = wait_for(
        "Remediation Succeeded", lambda: next((r for r in [own()] if r and phase(r) == "Succeeded"), None), seconds=480
    )
    timeline.mark("Remediation Succeeded")

    after = {pod["metadata"]["name"]: pod["metadata"]["uid"] for pod in product.ready_gateway_pods()}
    untouched = {pod for pod in before if pod != name}
    assert {pod: after.get(pod) for pod in untouched} == {pod: before[pod] for pod in untouched}
    assert [r["metadata"]["name"] for r in product.remediations() if r["metadata"]["name"] not in known] == [
        done["metadata"]["name"]
    ]
    steps = done["status"]["steps"]
    assert [step["action"] for step in steps] == ["RestartPods"]
    events = get("events", "-n", namespace)["items"]
    assert any(event["involvedObject"].get("name") == "bot-gateway" and "RestartPods" in str(event) for event in events)
