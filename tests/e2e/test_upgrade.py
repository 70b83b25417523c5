"""`helm upgrade` from the chart and the images of an earlier commit to the present ones while users write.

The earlier images are tagged `upgrade-from` (`make load-earlier-images`). The sandbox is the present one throughout.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from support.charts import GATEWAY_CHART
from support.cluster import IMAGE_TAG, helm, install_sandbox, namespace
from support.earlier_commit import unpack
from support.kubectl import kubectl, pods, port_forward, wait_for
from support.timeline import Timeline
from support.tools import ROOT, tool

EARLIER_TAG = "upgrade-from"
GATEWAY_PODS = "app.kubernetes.io/name=bot-gateway,app.kubernetes.io/component=gateway"
NAMESPACE = os.environ.get("E2E_NAMESPACE", "bot-gateway-e2e")
REPLICAS = 3
UPDATES_BEFORE, UPDATES_AFTER = 60, 60
WAIT = ("-n", NAMESPACE, "--wait", "--timeout", "5m")


def tags(tag: str) -> tuple[str, ...]:
    return ("--set", f"image.tag={tag},operator.image.tag={tag}")


class Control:
    """The sandbox's control API."""

    def __init__(self, url: str) -> None:
        self._url = url

    def __call__(self, method: str, path: str, **json: Any) -> Any:
        response = httpx.request(method, f"{self._url}{path}", json=json or None, timeout=10).raise_for_status()
        return response.json() if response.content else None

    def handled(self) -> int:
        return int(self("GET", "/ledger")["updates"]["handled"])

    def settled(self) -> bool:
        talking = self("GET", "/traffic")["active"]
        return bool(talking == 0 and self("GET", "/ledger")["updates"]["open"] == 0)


@pytest.fixture
def earlier_release(tmp_path: Path) -> Iterator[Control]:
    """The earlier release, installed by its own chart with its own values, before any traffic."""
    earlier = unpack(tmp_path, "charts/bot-gateway", "tests/e2e/gateway-values.yaml")
    with namespace(NAMESPACE):
        kubectl("apply", "--server-side", "--force-conflicts", "-f", str(earlier / "charts/bot-gateway/crds"))
        install_sandbox(tool("helm"), NAMESPACE)
        values = ("-f", str(earlier / "tests/e2e/gateway-values.yaml"), *tags(EARLIER_TAG))
        helm(tool("helm"), "install", "bot-gateway", str(earlier / "charts/bot-gateway"), *values, *WAIT)
        with port_forward(NAMESPACE, "svc/sandbox", 8082) as url:
            yield Control(url)


def is_ready(pod: dict[str, Any]) -> bool:
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod.get("status", {}).get("conditions", []))


def gateway_images() -> dict[str, str]:
    """The image of each gateway pod that is ready."""
    ready = [pod for pod in pods(NAMESPACE, GATEWAY_PODS) if is_ready(pod)]
    return {pod["metadata"]["name"]: pod["spec"]["containers"][0]["image"] for pod in ready}


def test_an_upgrade_loses_no_update_and_repeats_no_write(earlier_release: Control) -> None:
    control = earlier_release
    assert set(gateway_images().values()) == {f"bot-gateway:{EARLIER_TAG}"}
    control("DELETE", "/ledger")
    # Slow enough that updates are in flight whenever a pod is replaced.
    control("POST", "/faults", service="request", kind="latency", latency_seconds=0.5)
    control("POST", "/traffic", rate=4)
    timeline = Timeline("upgrade")
    wait_for("updates handled by the earlier release", lambda: control.handled() >= UPDATES_BEFORE, seconds=180)
    before = control.handled()
    timeline.mark("earlier release", f"{before} updates handled")
    # As docs/operations.md says: first the CRDs, then the chart.
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(GATEWAY_CHART / "crds"))
    values = ("-f", str(ROOT / "tests/e2e/gateway-values.yaml"), *tags(IMAGE_TAG))
    helm(tool("helm"), "upgrade", "bot-gateway", str(GATEWAY_CHART), *values, *WAIT)
    during = control.handled()
    timeline.mark("helm upgrade", f"{during - before} updates handled meanwhile")
    wait_for("the last earlier pod to end", lambda: len(gateway_images()) == REPLICAS, seconds=120)
    assert set(gateway_images().values()) == {f"bot-gateway:{IMAGE_TAG}"}
    wait_for("updates handled by the present release", lambda: control.handled() >= during + UPDATES_AFTER, seconds=180)
    control("POST", "/traffic", rate=0)
    wait_for("every update handled", control.settled, seconds=180)
    summary = control("GET", "/ledger")
    doubles = control("GET", "/ledger/doubles")
    timeline.mark("all handled", str(summary["updates"]))

    updates = summary["updates"]
    assert during > before, "no update was handled during the upgrade: the test proved nothing"
    assert updates["created"] == updates["handled"]
    assert updates["expired"] == 0
    assert summary["backend"]["executed"] > 0
    assert summary["backend"]["executed_twice"] == summary["backend"]["executed_without_key"] == 0
    assert [double for double in doubles["backend"] if double["path"] == "/api/v1/requests"] == []
    assert [double for double in doubles["sends"] if not double["redelivered"]] == []
    silent = set(control("GET", "/ledger/without-effect")["update_ids"])
    pressed = [update for update in control("GET", "/ledger/updates")["items"] if update["kind"] == "callback_query"]
    assert pressed
    assert [update for update in pressed if update["update_id"] in silent] == []
