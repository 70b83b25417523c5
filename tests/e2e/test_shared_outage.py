"""A backend is down for everybody: the operator touches nothing and says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support import prometheus
from support.kubectl import wait_for
from support.timeline import Timeline

if TYPE_CHECKING:
    from conftest import Product


def test_a_backend_outage_leads_to_no_restart(healthy: Product) -> None:
    product, namespace = healthy, healthy.namespace
    known = {remediation["metadata"]["name"] for remediation in product.remediations()}
    before = {pod["metadata"]["uid"] for pod in product.gateway_pods()}
    timeline = Timeline("shared outage")
    # Enough for every pod's breaker to see its minimum of calls within the window.
    product.control("POST", "/traffic", rate=6)

    product.control("POST", "/faults", service="request", kind="down")
    timeline.mark("Request Service down for all")
    opened = (
        f'count(bot_gateway_service_circuit_breaker_state{{namespace="{namespace}",service_name="request"}} > 0) >= 2'
    )
    wait_for("breakers open on most pods", lambda: prometheus.query(product.prometheus_url, opened), seconds=240)
    timeline.mark("breaker open on most pods")

    def held() -> dict[str, Any] | None:
        for remediation in product.remediations():
            if remediation["metadata"]["name"] not in known and remediation.get("status", {}).get("phase") == "Gated":
                return remediation
        return None

    remediation = wait_for("the operator holds", held, seconds=300)
    reason = remediation["status"]["decisions"][-1]
    timeline.mark("operator holds", f"{reason['reason']}: {reason['message']}")

    product.control("DELETE", "/faults")
    timeline.mark("Request Service back")
    name = remediation["metadata"]["name"]

    def ended() -> dict[str, Any] | None:
        current = next(r for r in product.remediations() if r["metadata"]["name"] == name)
        return current if current["status"]["phase"] not in {"Gated", "Settling", "Pending"} else None

    # The alert must stay away for `recoveryDelay` before the object ends.
    final = wait_for("the Remediation ends", ended, seconds=900)
    timeline.mark("Remediation ended", final["status"]["phase"])
    assert final["status"]["phase"] == "NotNeeded"
    assert final["status"].get("steps", []) == []
    assert {pod["metadata"]["uid"] for pod in product.gateway_pods()} == before
