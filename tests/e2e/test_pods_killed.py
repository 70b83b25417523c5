"""Gateway pods die without a warning while users write: what the outside world's ledger says of it."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from kubectl import kubectl, wait_for
from stages import Stages

if TYPE_CHECKING:
    from conftest import Product

KILLS = 4
SECONDS_BETWEEN_KILLS = 12


def test_no_update_is_lost_and_no_write_happens_twice(healthy: Product) -> None:
    product, namespace = healthy, healthy.namespace
    product.control("DELETE", "/ledger")
    product.control("POST", "/traffic", rate=6)
    stages = Stages("pods killed")
    for _, pod in zip(range(KILLS), itertools.cycle(product.ready_gateway_pods()), strict=False):
        # SIGKILL is the fault itself, and it has to strike while updates are in flight.
        time.sleep(SECONDS_BETWEEN_KILLS)
        name = pod["metadata"]["name"]
        kubectl("delete", "pod", "-n", namespace, name, "--grace-period=0", "--force", "--ignore-not-found")
        stages.mark("killed", name)
    product.control("POST", "/traffic", rate=0)

    def settled() -> bool:
        return bool(product.control("GET", "/ledger")["updates"]["open"] == 0)

    wait_for("every update handled", settled, seconds=180)
    summary = product.control("GET", "/ledger")
    doubles = product.control("GET", "/ledger/doubles")
    stages.mark("all handled", str(summary["updates"]))
    product.control("POST", "/traffic", rate=2)

    updates = summary["updates"]
    assert updates["created"] == updates["handled"] > 100
    assert updates["expired"] == 0
    assert summary["backend"]["executed"] > 0
    assert summary["backend"]["executed_twice"] == summary["backend"]["executed_without_key"] == 0
    # A shift may rightly be taken, released and taken again; a filed request has a text of its own.
    assert [double for double in doubles["backend"] if double["path"] == "/api/v1/requests"] == []
    assert [double for double in doubles["sends"] if not double["redelivered"]] == []
    assert product.control("GET", "/ledger/without-effect")["update_ids"] == []
