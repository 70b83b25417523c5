"""Gateway pods die without a warning while users write: what the outside world's ledger says of it."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from support.kubectl import wait_for
from support.node_agent import node_agent
from support.timeline import Timeline

if TYPE_CHECKING:
    from conftest import Product

KILLS = 4
SECONDS_BETWEEN_KILLS = 12


def test_no_update_is_lost_and_no_write_happens_twice(healthy: Product) -> None:
    product, namespace = healthy, healthy.namespace

    def settled() -> bool:
        talking = product.control("GET", "/traffic")["active"]
        return bool(talking == 0 and product.control("GET", "/ledger")["updates"]["open"] == 0)

    product.control("POST", "/traffic", rate=0)
    wait_for("earlier conversations to end", settled, seconds=180)
    product.control("DELETE", "/ledger")
    # Slow enough that at any moment some updates are in a handler's hands.
    product.control("POST", "/faults", service="request", kind="latency", latency_seconds=0.5)
    product.control("POST", "/traffic", rate=6)
    timeline = Timeline("pods killed")
    with node_agent(f"{namespace}-node", product.gateway_image) as node:
        for number in range(KILLS):
            # SIGKILL is the fault itself, and it has to strike while updates are in flight.
            time.sleep(SECONDS_BETWEEN_KILLS)
            pods = wait_for("a ready pod", product.ready_gateway_pods, seconds=60)
            pod = pods[number % len(pods)]["metadata"]
            node.signal(pod["uid"], signal.SIGKILL)
            timeline.mark("SIGKILL", pod["name"])
    product.control("POST", "/traffic", rate=0)
    wait_for("every update handled", settled, seconds=180)
    summary = product.control("GET", "/ledger")
    doubles = product.control("GET", "/ledger/duplicates")
    timeline.mark("all handled", str(summary["updates"]))
    product.control("POST", "/traffic", rate=2)

    updates = summary["updates"]
    assert updates["created"] == updates["handled"] > 100
    assert updates["expired"] == 0
    assert updates["failed_attempts"] > 0, "no kill struck an update in flight: the test proved nothing"
    assert summary["backend"]["executed"] > 0
    assert summary["backend"]["executed_twice"] == summary["backend"]["executed_without_key"] == 0
    # A shift may rightly be taken, released and taken again; a filed request has a text of its own.
    assert [double for double in doubles["backend"] if double["path"] == "/api/v1/requests"] == []
    assert [double for double in doubles["sends"] if not double["redelivered"]] == []
    # Only the last message of an album gets a reply, but every button press is confirmed.
    silent = set(product.control("GET", "/ledger/without-effect")["update_ids"])
    recorded = product.control("GET", "/ledger/updates")["items"]
    pressed = [update for update in recorded if update["kind"] == "callback_query"]
    assert pressed
    assert [update for update in pressed if update["update_id"] in silent] == []
