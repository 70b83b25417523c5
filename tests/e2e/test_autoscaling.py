"""An HPA on CPU that really scales, no update lost on the way, and the operator's scale-out beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.charts import GATEWAY_CHART
from support.cluster import IMAGES, helm, install_sandbox, namespace
from support.kubectl import get, port_forward, wait_for
from support.scale_out import (
    MANAGER,
    POLICY_VALUES,
    end_load,
    managers,
    remediation,
    replicas,
    simulate_load,
    upgrade_in_mid_incident,
    wait_for_phase,
)
from support.timeline import Timeline
from support.tools import tool

SPACE = "bot-gateway-scaling"
VALUES = Path(__file__).with_name("autoscaling-values.yaml")
INSTALLED = ("bot-gateway", str(GATEWAY_CHART), "-n", SPACE, "-f", str(VALUES), *POLICY_VALUES, *IMAGES)
UPGRADED = (*INSTALLED, "--set", "logLevel=DEBUG", "--wait", "--timeout", "5m")
LOAD = 5
"""Conversations a second, several times what two replicas do within the HPA's target."""
LEAST, MOST = 2, 4


@pytest.fixture(scope="module")
def control() -> Iterator[httpx.Client]:
    """The sandbox's control API beside a release that an HPA scales."""
    with namespace(SPACE) as space:
        install_sandbox(tool("helm"), space)
        helm(tool("helm"), "install", *INSTALLED, "--skip-crds", "--wait", "--timeout", "5m")
        with port_forward(space, "svc/sandbox", 8082) as url, httpx.Client(base_url=url, timeout=20) as client:
            yield client


def autoscaler() -> dict[str, Any]:
    return get("hpa", "bot-gateway", "-n", SPACE)


def utilisation() -> int | None:
    """CPU of the pods in percent of their request, as the HPA last saw it; None before it has seen any."""
    for metric in autoscaler().get("status", {}).get("currentMetrics") or []:
        current = metric.get("resource", {}).get("current", {})
        if current.get("averageUtilization") is not None:
            return int(current["averageUtilization"])
    return None


def ready() -> int:
    return int(get("deployment", "bot-gateway", "-n", SPACE)["status"].get("readyReplicas", 0))


def quiet_and_small() -> bool | None:
    return (replicas(SPACE) == ready() == LEAST and utilisation() is not None) or None


def test_replicas_follow_the_load_up_and_down_and_no_update_is_lost(control: httpx.Client) -> None:
    wait_for("the HPA to know the CPU", quiet_and_small, seconds=300)
    control.delete("/ledger").raise_for_status()
    timeline = Timeline("autoscaling")
    control.post("/traffic", json={"rate": LOAD}).raise_for_status()
    timeline.mark("load rises", f"{LOAD} conversations a second")
    wait_for("a third replica wanted", lambda: replicas(SPACE) > LEAST or None, seconds=240)
    timeline.mark("the HPA scales out", f"{utilisation()} % CPU, {replicas(SPACE)} replicas")
    wait_for("the new replicas to serve", lambda: LEAST < replicas(SPACE) == ready() or None, seconds=300)
    timeline.mark("new replicas ready", str(ready()))
    peak = replicas(SPACE)
    control.post("/traffic", json={"rate": 0}).raise_for_status()
    timeline.mark("load falls")
    wait_for("the replicas to go back", quiet_and_small, seconds=420)
    timeline.mark("back to the smallest number", f"{utilisation()} % CPU")

    def handled() -> dict[str, Any] | None:
        ledger: dict[str, Any] = control.get("/ledger").raise_for_status().json()
        is_over = control.get("/traffic").json()["active"] == 0 and ledger["updates"]["open"] == 0
        return ledger if is_over else None

    ledger = wait_for("every update handled", handled, seconds=300)
    timeline.mark("all handled", f"{ledger['updates']} {ledger['backend']}")
    assert LEAST < peak <= MOST
    updates = ledger["updates"]
    assert updates["created"] == updates["handled"] > 500
    assert updates["expired"] == 0
    assert ledger["backend"]["executed_twice"] == ledger["backend"]["executed_without_key"] == 0


def test_the_operators_scale_out_raises_the_hpas_minimum_and_an_upgrade_leaves_it(control: httpx.Client) -> None:
    wait_for("a small deployment", quiet_and_small, seconds=300)
    timeline = Timeline("scale-out beside the HPA")
    simulate_load(SPACE, {"release": "kube-prometheus-stack"})

    def minimum() -> int:
        return int(autoscaler()["spec"]["minReplicas"])

    wait_for("the minimum raised", lambda: minimum() == LEAST + 1 or None, seconds=300)
    timeline.mark("minReplicas raised", str(minimum()))
    assert MANAGER in managers("hpa", SPACE)
    wait_for("the HPA to follow", lambda: replicas(SPACE) == ready() == LEAST + 1 or None, seconds=300)
    timeline.mark("the HPA follows", f"{ready()} replicas")
    (step,) = (remediation(SPACE) or {})["status"]["steps"]
    assert (step["action"], step["scaleKind"]) == ("ScaleOut", "HorizontalPodAutoscaler")

    upgrade_in_mid_incident(tool("helm"), *UPGRADED)
    assert minimum() == LEAST + 1
    timeline.mark("upgraded, or refused: the scale-out stays")

    end_load(SPACE)
    ended = wait_for_phase(SPACE, "Succeeded", seconds=700)
    timeline.mark("reverted", ended["status"]["reason"])
    assert ended["status"]["reason"] == "Reverted"
    assert minimum() == LEAST
    assert MANAGER not in managers("hpa", SPACE)
    helm(tool("helm"), "upgrade", *UPGRADED)
    wait_for("the HPA back at its minimum", quiet_and_small, seconds=300)
    timeline.mark("upgraded, back at the smallest number")
